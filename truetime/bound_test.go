package truetime_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// sound is a valid bound: at reading 1000 of epoch 7 true time is noon ± 50 ns.
func sound() truetime.Bound {
	return truetimetest.Around(truetime.Reading{Nanos: 1000, Epoch: 7}, noon, 50, driftPPB)
}

func TestBound_RefusesWhatContradictsItself(t *testing.T) {
	for _, c := range []struct {
		why    string
		break_ func(*truetime.Bound)
		reason string
	}{
		{"the zero Bound must never be taken for 1970", func(b *truetime.Bound) { *b = truetime.Bound{} }, "no epoch"},
		{"a bound without an epoch belongs to no clock", func(b *truetime.Bound) { b.At.Epoch = 0 }, "no epoch"},
		{"earliest after latest", func(b *truetime.Bound) { b.Earliest.Nanos = b.Latest.Nanos + 1 }, "inverted"},
		{"more than 292 years wide", func(b *truetime.Bound) { b.Earliest.Nanos, b.Latest.Nanos = lowest, 1 }, "wider"},
		{"earliest is the faster line, so they would cross", func(b *truetime.Bound) { b.Earliest.SlopePPB = driftPPB + 1 }, "cross"},
		{"earliest anchored after the bound", func(b *truetime.Bound) { b.Earliest.At++ }, "anchored after"},
		{"latest anchored after the bound", func(b *truetime.Bound) { b.Latest.At++ }, "anchored after"},
		{"latest at twice the speed", func(b *truetime.Bound) { b.Latest.SlopePPB = 1e9 }, "100 %"},
		{"earliest standing still", func(b *truetime.Bound) { b.Earliest.SlopePPB = -1e9 }, "100 %"},
		{"a slope whose absolute value does not fit", func(b *truetime.Bound) { b.Earliest.SlopePPB = lowest }, "100 %"},
		{"expired before it was made", func(b *truetime.Bound) { b.Expires = b.At.Nanos - 1 }, "expires before"},
		{"latest not representable", func(b *truetime.Bound) { b.Latest.At, b.Latest.Nanos = 0, highest }, "2262"},
	} {
		t.Run(c.why, func(t *testing.T) {
			b := sound()
			require.NoError(t, b.Validate(), "the bound is sound before it is broken")
			c.break_(&b)
			var refusal *truetime.BoundError
			require.ErrorAs(t, b.Validate(), &refusal)
			assert.Contains(t, refusal.Reason, c.reason)
			got, err := b.Interval(truetime.Reading{Nanos: 1000, Epoch: 7})
			require.ErrorAs(t, err, &refusal)
			assert.Zero(t, got)
		})
	}
}

func TestBound_AnswersOnlyForItsOwnReadings(t *testing.T) {
	b := sound()
	last := b.Expires
	for _, c := range []struct {
		why string
		r   truetime.Reading
		is  error
	}{
		{"a bound looks only forward", truetime.Reading{Nanos: 999, Epoch: 7}, truetime.ErrReadingBeforeBound},
		{"one nanosecond after the last reading", truetime.Reading{Nanos: last + 1, Epoch: 7}, truetime.ErrStale},
		{"the end of the counter", truetime.Reading{Nanos: highest, Epoch: 7}, truetime.ErrStale},
	} {
		_, err := b.Interval(c.r)
		assert.ErrorIs(t, err, c.is, c.why)
	}
	for _, epoch := range []uint64{0, 6, 8} {
		var disrupted *truetime.DisruptedError
		_, err := b.Interval(truetime.Reading{Nanos: 2000, Epoch: epoch})
		assert.ErrorAs(t, err, &disrupted, "epoch %d", epoch)
	}
	for _, nanos := range []int64{1000, last} {
		_, err := b.Interval(truetime.Reading{Nanos: nanos, Epoch: 7})
		assert.NoError(t, err, "both ends of the range are usable: %d", nanos)
	}
}

func TestBound_LeavesTheRepresentableRange(t *testing.T) {
	b := sound()
	b.Earliest.Nanos, b.Latest.Nanos = highest-100, highest-50
	require.NoError(t, b.Validate())
	_, err := b.Interval(truetime.Reading{Nanos: 1000 + 51, Epoch: 7})
	assert.ErrorIs(t, err, truetime.ErrOutOfRange)
}

// Without a sample each side grows by exactly D: 200 ppm are 12 ms in a minute.
func TestBound_AgesByTheDriftOnEachSide(t *testing.T) {
	b := sound()
	for _, c := range []struct{ age, grown time.Duration }{
		{0, 0}, {5 * time.Microsecond, 1}, {time.Second, 200 * time.Microsecond}, {time.Minute, 12 * time.Millisecond}, {time.Hour, 720 * time.Millisecond},
	} {
		got, err := b.Interval(truetime.Reading{Nanos: 1000 + int64(c.age), Epoch: 7})
		require.NoError(t, err)
		middle := noon + int64(c.age)
		assert.Equal(t, interval(t, middle-50-int64(c.grown), middle+50+int64(c.grown)), got, "after %v", c.age)
		assert.Equal(t, 50+c.grown, got.Uncertainty())
	}
}

// The oscillator runs wrong by exactly D and the bound starts without any slack,
// so true time is on the edge and a result rounded inward, by a single
// nanosecond, loses it.
func TestBound_RoundsOutward(t *testing.T) {
	for _, c := range []struct {
		why     string
		elapsed int64
		want    [2]int64 // earliest and latest after noon
	}{
		{"1 ns: true time is 0.9998 or 1.0002", 1, [2]int64{0, 2}},
		{"4999 ns: 4998.0002 or 4999.9998", 4999, [2]int64{4998, 5000}},
		{"5000 ns: whole numbers stay as they are", 5000, [2]int64{4999, 5001}},
		{"5001 ns: just beyond a whole number", 5001, [2]int64{4999, 5003}},
		{"1 s + 1 ns", 1_000_000_001, [2]int64{999_800_000, 1_000_200_002}},
		{"13 h + 1 ns, beyond a 64-bit product", 13*3600e9 + 1, [2]int64{46_790_640_000_000, 46_809_360_000_002}},
	} {
		b := truetimetest.Around(truetime.Reading{Nanos: -3, Epoch: 7}, noon, 0, driftPPB)
		b.Expires = highest
		got, err := b.Interval(truetime.Reading{Nanos: -3 + c.elapsed, Epoch: 7})
		require.NoError(t, err, c.why)
		assert.Equal(t, interval(t, noon+c.want[0], noon+c.want[1]), got, c.why)
		for _, rate := range []int64{-driftPPB, -driftPPB / 3, 0, 1, driftPPB} {
			truth := exact(truetime.Line{At: -3, Nanos: noon, SlopePPB: rate}, -3+c.elapsed)
			assert.True(t, holds(got, truth), "%s, oscillator off by %d ppb: %v misses %v", c.why, rate, got, truth)
		}
	}
}

// holds reports whether a true time in billionths of a nanosecond lies in i.
func holds(i truetime.Interval, truth *big.Int) bool {
	lo := new(big.Int).Mul(big.NewInt(i.EarliestUnixNano()), billion)
	hi := new(big.Int).Mul(big.NewInt(i.LatestUnixNano()), billion)
	return lo.Cmp(truth) <= 0 && truth.Cmp(hi) <= 0
}
