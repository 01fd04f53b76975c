package truetime_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// bounds returns two of one epoch and generation, a second apart.
func bounds(beforeError, afterError time.Duration) (before, after truetime.Bound) {
	before = truetimetest.Around(truetime.Reading{Nanos: 0, Epoch: 7}, noon, beforeError, driftPPB)
	after = truetimetest.Around(truetime.Reading{Nanos: 1e9, Epoch: 7}, noon+1e9, afterError, driftPPB)
	return before, after
}

func TestIntersect_KeepsTheTighterSides(t *testing.T) {
	const aged = 200 * time.Microsecond // what D adds in the second between
	for _, c := range []struct {
		why                    string
		before, after          time.Duration
		move                   int64 // of the new bound
		oldEarliest, oldLatest bool
	}{
		{"a better measurement replaces both sides", time.Millisecond, 10 * time.Microsecond, 0, false, false},
		{"a worse one replaces none", 10 * time.Microsecond, time.Millisecond, 0, true, true},
		{"a shifted one, as after asymmetric delay, replaces one", 10 * time.Microsecond, 10*time.Microsecond + aged, 5000, false, true},
		{"and the other", 10 * time.Microsecond, 10*time.Microsecond + aged, -5000, true, false},
		{"on a tie the older side stays, for its rounding is older too", 10 * time.Microsecond, 10*time.Microsecond + aged, 0, true, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			before, after := bounds(c.before, c.after)
			after.Earliest.Nanos += c.move
			after.Latest.Nanos += c.move
			after.Basis = truetime.Basis{Domains: 4, Agreed: 3, Faulty: 1}
			got, err := after.Intersect(before)
			require.NoError(t, err)
			want := after // At, Expires, Generation and Basis are the new ones
			if c.oldEarliest {
				want.Earliest = before.Earliest
			}
			if c.oldLatest {
				want.Latest = before.Latest
			}
			assert.Equal(t, want, got)
			assert.NoError(t, got.Validate())
		})
	}
}

// The limit of the past is kept and the rate of the present: what was known of
// the rate then holds for that stretch only.
func TestIntersect_OldLimitsAgeAtTheNewRate(t *testing.T) {
	before, after := bounds(10*time.Microsecond, time.Millisecond)
	after.Earliest.SlopePPB, after.Latest.SlopePPB = -30_000, 50_000
	got, err := after.Intersect(before)
	require.NoError(t, err)
	aged := int64(10_000 + 200_000) // 10 µs and a second at 200 ppm
	assert.Equal(t, truetime.Line{At: 1e9, Nanos: noon + 1e9 - aged, SlopePPB: -30_000}, got.Earliest)
	assert.Equal(t, truetime.Line{At: 1e9, Nanos: noon + 1e9 + aged, SlopePPB: 50_000}, got.Latest)
}

func TestIntersect_ThePastOfAnotherWorldSaysNothing(t *testing.T) {
	for _, c := range []struct {
		why    string
		change func(*truetime.Bound)
	}{
		{"another epoch: nobody knows how long the gap was", func(b *truetime.Bound) { b.At.Epoch = 8 }},
		{"another generation: the past was disproved", func(b *truetime.Bound) { b.Generation = 9 }},
		{"expired: its slopes were for the stretch until then", func(b *truetime.Bound) { b.Expires = 1e9 - 1 }},
	} {
		before, after := bounds(10*time.Microsecond, time.Millisecond)
		c.change(&before)
		got, err := after.Intersect(before)
		require.NoError(t, err, c.why)
		assert.Equal(t, after, got, c.why)

		before.Earliest.Nanos += int64(time.Hour)
		before.Latest.Nanos += int64(time.Hour)
		_, err = after.Intersect(before)
		assert.NoError(t, err, "%s, so it cannot conflict either", c.why)
	}
}

func TestIntersect_ExclusionIsADisruption(t *testing.T) {
	for _, c := range []struct {
		why      string
		move     int64
		disrupts bool
	}{
		{"touching at the aged upper end is no proof", 20_000 + 200_000, false},
		{"one nanosecond beyond is", 20_000 + 200_000 + 1, true},
		{"touching at the aged lower end is no proof", -20_000 - 200_000, false},
		{"one nanosecond below is", -20_000 - 200_000 - 1, true},
		{"an hour off", int64(time.Hour), true},
	} {
		before, after := bounds(10*time.Microsecond, 10*time.Microsecond)
		after.Earliest.Nanos += c.move
		after.Latest.Nanos += c.move
		got, err := after.Intersect(before)
		if !c.disrupts {
			assert.NoError(t, err, c.why)
			continue
		}
		var disrupted *truetime.DisruptedError
		assert.ErrorAs(t, err, &disrupted, c.why)
		assert.Zero(t, got, "%s: neither side may be used", c.why)
	}
}

// An oscillator wanders within ±D while bounds around the truth, some anchored
// in the past and all of them lopsided, come and go. At every reading, also
// between bounds: the truth is inside, Earliest never goes back (I1, I3) and no
// bound widens the answer at its own reading.
func TestStory_CarriedBoundsKeepTheTruthAndNeverGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			now      = rapid.Int64Range(-1e15, 1e15).Draw(t, "first reading")
			truth    = new(big.Int).Mul(big.NewInt(noon), billion)
			history  = []moment{{now, truth}}
			carried  = boundFrom(t, history)
			earliest = int64(lowest)
		)
		look := func() truetime.Interval {
			got, err := carried.Interval(truetime.Reading{Nanos: now, Epoch: 7})
			require.NoError(t, err)
			require.True(t, holds(got, history[len(history)-1].truth), "%v misses the truth at %d", got, now)
			require.GreaterOrEqual(t, got.EarliestUnixNano(), earliest, "Earliest went back")
			earliest = got.EarliestUnixNano()
			return got
		}
		look()
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			d := rapid.OneOf(rapid.Int64Range(0, 20), rapid.Int64Range(0, 20e9), rapid.Int64Range(0, 3600e9)).Draw(t, "elapsed")
			rate := rapid.OneOf(rapid.Int64Range(-driftPPB, driftPPB), rapid.SampledFrom([]int64{-driftPPB, driftPPB})).Draw(t, "rate")
			now += d
			truth = new(big.Int).Add(truth, new(big.Int).Mul(big.NewInt(d), big.NewInt(1e9+rate)))
			history = append(history, moment{now, truth})
			before := look()
			if rapid.Bool().Draw(t, "publish") {
				next, err := boundFrom(t, history).Intersect(carried)
				require.NoError(t, err, "both contain the truth")
				require.NoError(t, next.Validate())
				carried = next
				after := look()
				require.LessOrEqual(t, after.LatestUnixNano(), before.LatestUnixNano(), "a new bound widened the answer")
			}
		}
	})
}

type moment struct {
	reading int64
	truth   *big.Int
}

// boundFrom makes a bound at the last moment from measurements at any earlier
// ones, which is what keeping the best packet of a window does.
func boundFrom(t *rapid.T, history []moment) truetime.Bound {
	last := len(history) - 1
	side := func(name string) (moment, int64) {
		return history[rapid.IntRange(max(0, last-5), last).Draw(t, name+" from")],
			rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 1e7)).Draw(t, name+" slack")
	}
	low, lowSlack := side("earliest")
	high, highSlack := side("latest")
	return truetime.Bound{
		At:       truetime.Reading{Nanos: history[last].reading, Epoch: 7},
		Earliest: truetime.Line{At: low.reading, Nanos: floor(low.truth).Int64() - lowSlack, SlopePPB: -driftPPB},
		Latest:   truetime.Line{At: high.reading, Nanos: ceil(high.truth).Int64() + highSlack, SlopePPB: driftPPB},
		Expires:  highest,
	}
}

// With slopes that differ from bound to bound, as a measured rate gives them,
// containment still holds; only that a bound never widens is promised for its
// own reading alone.
func TestStory_MeasuredRatesKeepTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Int64Range(-driftPPB, driftPPB).Draw(t, "oscillator")
		oscillator := truetime.Line{Nanos: noon, SlopePPB: rate}
		var carried truetime.Bound
		now := int64(0)
		for step := range rapid.IntRange(1, 20).Draw(t, "steps") {
			now += rapid.Int64Range(0, 100e9).Draw(t, "elapsed")
			r, truth := truetime.Reading{Nanos: now, Epoch: 7}, exact(oscillator, now)
			fresh := truetime.Bound{
				At:       r,
				Earliest: truetime.Line{At: now, Nanos: floor(truth).Int64() - rapid.Int64Range(0, 1e6).Draw(t, "below"), SlopePPB: rapid.Int64Range(-driftPPB, rate).Draw(t, "slowest")},
				Latest:   truetime.Line{At: now, Nanos: ceil(truth).Int64() + rapid.Int64Range(0, 1e6).Draw(t, "above"), SlopePPB: rapid.Int64Range(rate, driftPPB).Draw(t, "fastest")},
				Expires:  highest,
			}
			if step > 0 {
				before, err := carried.Interval(r)
				require.NoError(t, err)
				require.True(t, holds(before, truth))
				fresh, err = fresh.Intersect(carried)
				require.NoError(t, err)
				after, err := fresh.Interval(r)
				require.NoError(t, err)
				require.GreaterOrEqual(t, after.EarliestUnixNano(), before.EarliestUnixNano())
				require.LessOrEqual(t, after.LatestUnixNano(), before.LatestUnixNano())
			}
			carried = fresh
			got, err := carried.Interval(r)
			require.NoError(t, err)
			require.True(t, holds(got, truth))
		}
	})
}
