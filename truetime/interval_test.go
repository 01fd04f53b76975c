package truetime_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trueclock/trueclock/truetime"
)

const (
	lowest  = math.MinInt64
	highest = math.MaxInt64
)

func TestNewInterval_AcceptsAndRefuses(t *testing.T) {
	for _, c := range []struct {
		why              string
		earliest, latest int64
		refused          string // part of the message; empty if accepted
	}{
		{"a single moment is an interval", 7, 7, ""},
		{"1970 may lie inside", -5, 5, ""},
		{"the first representable moment", lowest, lowest, ""},
		{"the last representable moment", highest, highest, ""},
		{"2^63 − 1 ns is the widest whose width a Duration holds", -1, highest - 1, ""},
		{"the same, at the low end", lowest, -1, ""},
		{"inverted by one nanosecond", 1, 0, "inverted"},
		{"inverted as far as possible, where latest − earliest wraps to +1", highest, lowest, "inverted"},
		{"one nanosecond too wide", -1, highest, "wider than 292 years"},
		{"everything at once, where latest − earliest wraps to −1", lowest, highest, "wider than 292 years"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, err := truetime.NewInterval(c.earliest, c.latest)
			if c.refused == "" {
				require.NoError(t, err)
				assert.Equal(t, c.earliest, got.EarliestUnixNano())
				assert.Equal(t, c.latest, got.LatestUnixNano())
				return
			}
			var refusal *truetime.IntervalError
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, truetime.IntervalError{Earliest: c.earliest, Latest: c.latest}, *refusal)
			assert.ErrorContains(t, err, c.refused)
			assert.Zero(t, got, "no half result beside an error")
		})
	}
}

func TestInterval_ContainsBothEndsAndNothingBeyond(t *testing.T) {
	i := interval(t, noon, noon+10)
	whole := interval(t, lowest, -1)
	for _, c := range []struct {
		why  string
		in   truetime.Interval
		t    time.Time
		want bool
	}{
		{"earliest belongs to it", i, at(0), true},
		{"latest belongs to it", i, at(10), true},
		{"a nanosecond before", i, at(-1), false},
		{"a nanosecond after", i, at(11), false},
		{"the time zone does not matter", i, at(5).In(time.FixedZone("far east", 14*3600)), true},
		{"the zero time is in the year 1, which must not wrap into the interval", whole, time.Time{}, false},
		{"before 1678, out of 64 bits", whole, time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"after 2262, out of 64 bits", interval(t, 0, highest), time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), false},
		{"the first representable moment", whole, time.Unix(0, lowest), true},
		{"the last representable moment", interval(t, 0, highest), time.Unix(0, highest), true},
	} {
		assert.Equal(t, c.want, c.in.Contains(c.t), c.why)
	}
}

func TestInterval_OrderIsKnownOnlyWithAGap(t *testing.T) {
	a := interval(t, 0, 10)
	for _, c := range []struct {
		why             string
		b               truetime.Interval
		before, overlap bool // of a and b
	}{
		{"a gap of one nanosecond decides", interval(t, 11, 20), true, false},
		{"touching intervals share a moment, so they decide nothing", interval(t, 10, 20), false, true},
		{"overlapping", interval(t, 5, 20), false, true},
		{"nested", interval(t, 4, 6), false, true},
		{"itself", a, false, true},
		{"the far end of the range", interval(t, highest, highest), true, false},
	} {
		assert.Equal(t, c.before, a.Before(c.b), c.why)
		assert.Equal(t, c.before, c.b.After(a), c.why)
		assert.False(t, c.b.Before(a) || a.After(c.b), c.why)
		assert.Equal(t, c.overlap, a.Overlaps(c.b), c.why)
		assert.Equal(t, c.overlap, c.b.Overlaps(a), c.why)
	}
}

func TestInterval_UncertaintyRoundsUp(t *testing.T) {
	for _, c := range []struct {
		earliest, latest int64
		want             time.Duration
	}{
		{3, 3, 0}, {3, 4, 1}, {3, 5, 1}, {3, 6, 2}, {-2, 1, 2}, {0, highest, 1 << 62},
	} {
		assert.Equal(t, c.want, interval(t, c.earliest, c.latest).Uncertainty(), "[%d, %d]", c.earliest, c.latest)
	}
}

// The half width around the midpoint must cover both ends, with exact integers
// as the judge.
func TestInterval_MidpointAndUncertaintyCoverIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo, hi := anyInt64(t, "earliest"), anyInt64(t, "latest")
		i, err := truetime.NewInterval(lo, hi)
		width := new(big.Int).Sub(big.NewInt(hi), big.NewInt(lo))
		if width.Sign() < 0 || !width.IsInt64() {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, width.Int64(), int64(i.Width()))
		sum := new(big.Int).Add(big.NewInt(lo), big.NewInt(hi))
		require.Equal(t, new(big.Int).Rsh(sum, 1).Int64(), i.Midpoint(), "rounded down")
		require.True(t, big.NewInt(i.Midpoint()).Cmp(big.NewInt(lo)) >= 0)
		reach := new(big.Int).Add(big.NewInt(i.Midpoint()), big.NewInt(int64(i.Uncertainty())))
		require.True(t, reach.Cmp(big.NewInt(hi)) >= 0, "midpoint + ε reaches latest")
	})
}

func TestInterval_IsAComparableValue(t *testing.T) {
	seen := map[truetime.Interval]string{interval(t, 1, 2): "found"}
	assert.Equal(t, "found", seen[interval(t, 1, 2)])
	assert.NotEqual(t, interval(t, 1, 2), interval(t, 1, 3))
	assert.Equal(t, interval(t, 0, 0), truetime.Interval{}, "HAZARD: the zero value is 1970")
}

func TestInterval_StringShowsBothEndsAndHalfWidth(t *testing.T) {
	got := interval(t, noon, noon+122_409).String()
	assert.Equal(t, "[2026-11-23T12:00:00.000000000Z, 2026-11-23T12:00:00.000122409Z] ±61.205µs", got)
}
