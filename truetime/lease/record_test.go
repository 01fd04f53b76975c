package lease

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
)

func between(t testing.TB, earliest, latest int64) truetime.Interval {
	t.Helper()
	i, err := truetime.NewInterval(earliest, latest)
	require.NoError(t, err)
	return i
}

// lastHeld and firstOver are when a holder whose clock is wrong by lean still acts, and when somebody else is first granted the lease.
func lastHeld(t *testing.T, r Record, lean, ε int64, held func(Record, truetime.Interval) bool) int64 {
	for now := r.Expiry + 20; ; now-- {
		if held(r, between(t, now+lean-ε, now+lean+ε)) {
			return now
		}
	}
}

func firstOver(t *testing.T, r Record, lean, ε int64, over func(Record, truetime.Interval) bool) int64 {
	for now := r.Expiry - 20; ; now++ {
		if over(r, between(t, now+lean-ε, now+lean+ε)) {
			return now
		}
	}
}

// smallest gap between two holders, over all half widths up to 4 ns and all that the two clocks can be wrong by within them.
func smallest(t *testing.T, held, over func(Record, truetime.Interval) bool) int64 {
	r, gap := Record{Holder: "1", Token: 33, Expiry: 1000}, int64(math.MaxInt64)
	for ε1 := range int64(5) {
		for ε2 := range int64(5) {
			for lean1 := -ε1; lean1 <= ε1; lean1++ {
				for lean2 := -ε2; lean2 <= ε2; lean2++ {
					gap = min(gap, firstOver(t, r, lean2, ε2, over)-lastHeld(t, r, lean1, ε1, held))
				}
			}
		}
	}
	return gap
}

// TestRecord_TwoHoldersNeverOverlap, whatever the skew inside the bounds: every case of a small world. At the corner, the first clock
// as far behind as it may be and the second as far ahead, there is one nanosecond that is nobody's.
func TestRecord_TwoHoldersNeverOverlap(t *testing.T) {
	require.Equal(t, int64(2), smallest(t, Record.heldAt, Record.overAt))
}

// TestRecord_OtherRulesOverlap, so the test above can fail.
func TestRecord_OtherRulesOverlap(t *testing.T) {
	held := func(of func(truetime.Interval) int64) func(Record, truetime.Interval) bool {
		return func(r Record, now truetime.Interval) bool { return of(now) < r.Expiry }
	}
	over := func(of func(truetime.Interval) int64) func(Record, truetime.Interval) bool {
		return func(r Record, now truetime.Interval) bool { return of(now) > r.Expiry }
	}
	point := truetime.Interval.Midpoint
	require.Negative(t, smallest(t, held(point), over(point)), "clocks that are points")
	require.Negative(t, smallest(t, held(point), Record.overAt), "the holder's is")
	require.Negative(t, smallest(t, Record.heldAt, over(point)), "the other's is")
	require.Negative(t, smallest(t, held(truetime.Interval.EarliestUnixNano), Record.overAt), "the holder takes the wrong end")
	require.Negative(t, smallest(t, Record.heldAt, over(truetime.Interval.LatestUnixNano)), "the other does")
	require.Zero(t, smallest(t,
		func(r Record, now truetime.Interval) bool { return now.LatestUnixNano() <= r.Expiry },
		func(r Record, now truetime.Interval) bool { return now.EarliestUnixNano() >= r.Expiry }), "both act when it is just over")
}

func TestRecord_Granted(t *testing.T) {
	now := between(t, 1_000_000, 1_000_400)
	first, err := Record{}.granted(now, "1", 7, time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, Record{Holder: "1", Incarnation: 7, Token: 1_000_400, Expiry: 1_001_000}, first, "a TTL after earliest; a token not below latest")

	second, err := first.granted(between(t, 900_000, 900_400), "2", 8, time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, fencing.Token(1_000_401), second.Token, "above the last one, whatever the clock says")
	again, err := first.renewed(between(t, 900_000, 900_400), time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, first, again, "a renewal never shortens")

	_, err = Record{}.granted(between(t, 1_000_000, 1_000_501), "1", 7, time.Microsecond)
	require.EqualError(t, err, "lease: the clock knows the time to 501ns, more than half of the TTL of 1µs")
	_, err = Record{Token: math.MaxUint64}.granted(now, "1", 7, time.Microsecond)
	require.ErrorIs(t, err, ErrExhausted)
	_, err = Record{}.granted(between(t, math.MaxInt64-5, math.MaxInt64), "1", 7, time.Microsecond)
	require.ErrorIs(t, err, truetime.ErrOutOfRange)
	before1970, err := Record{}.granted(between(t, -20, -10), "1", 7, time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, fencing.Token(1), before1970.Token)
	before1970, err = Record{}.granted(between(t, -2_000_000, -1_999_990), "1", 7, time.Microsecond)
	require.NoError(t, err)
	require.Equal(t, int64(-1_999_000), before1970.Expiry, "not until 1970")
}

// TestRecord_AStoreThatForgot: the next token is above those of before all the same.
func TestRecord_AStoreThatForgot(t *testing.T) {
	first, err := Record{}.granted(between(t, 1e18, 1e18+10), "1", 7, time.Second)
	require.NoError(t, err)
	next, err := Record{}.granted(between(t, 1e18+21, 1e18+31), "2", 8, time.Second)
	require.NoError(t, err)
	require.Greater(t, next.Token, first.Token)
}

// FuzzRecord: a record is one text, and a text is one record (I8).
func FuzzRecord(f *testing.F) {
	f.Add(Record{}.String())
	f.Add(Record{Holder: "node-1\n\"\xff", Incarnation: 0x0123456789abcdef, Token: 34, Expiry: 1790000000000000000}.String())
	f.Add("lease1 034 0 0000000000000000 \"\"")
	f.Add("lease1 34 -1 0000000000000000 \"\" ")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := ParseRecord(s); err == nil {
			require.Equal(t, s, r.String())
		} else {
			require.ErrorAs(t, err, new(*ParseError))
		}
		r := Record{Holder: s, Token: 34, Expiry: int64(len(s)) - 3, Incarnation: uint64(len(s))}
		again, err := ParseRecord(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
