package sim

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func anyOscillator(random *rand.Rand, length time.Duration) Oscillator {
	o := drawnOscillator(random, length)
	for range random.IntN(4) {
		o.Pauses = append(o.Pauses, Pause{At: time.Duration(random.Int64N(int64(length))), For: time.Duration(random.Int64N(int64(time.Minute))), Epoch: random.IntN(2) == 0})
	}
	for i := range o.Pauses { // one after the other
		o.Pauses[i].At = time.Duration(i+1) * length / 8
	}
	return o
}

// TestCounter_EqualsTheSumOfItsRates integrates the rate step by step, the
// obvious way.
func TestCounter_EqualsTheSumOfItsRates(t *testing.T) {
	alone(t)
	const length, step = time.Hour, time.Second / 4
	for seed := range uint64(40) {
		o := anyOscillator(rand.New(rand.NewPCG(seed, 1)), length)
		c := o.build(rand.New(rand.NewPCG(seed, 2)), length)
		walk := o.Walk.draw(rand.New(rand.NewPCG(seed, 2)), length)
		count, ran := 0.0, time.Duration(0)
		for at := time.Duration(0); at < length; at += step {
			require.InDelta(t, count, float64(c.at(at)), 5e3, "seed %d at %v", seed, at)
			next := c.running(at + step)
			middle := (ran + next) / 2
			rate := o.RatePPM + o.Sine.PPM*math.Sin(2*math.Pi*float64(middle)/math.Max(1, float64(o.Sine.Period))+o.Sine.Phase)
			for _, s := range append(walk, o.Steps...) {
				if s.At <= middle {
					rate += s.PPM
				}
			}
			for _, r := range o.Ramps {
				rate += r.PPM * min(1, max(0, float64(middle-r.From)/float64(r.To-r.From)))
			}
			count += float64(next-ran) * (1 + rate*ppm)
			ran = next
		}
	}
}

// TestCounter_NeverGoesBack_InAnyOrder: two moments give two counts in the same
// order, however they are asked, down to neighbouring nanoseconds.
func TestCounter_NeverGoesBack_InAnyOrder(t *testing.T) {
	const length = time.Hour
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		c := anyOscillator(random, length).build(random, length)
		for range 3000 {
			a := time.Duration(random.Int64N(int64(length)))
			b := a + time.Duration(random.Int64N(3))
			if random.IntN(2) == 0 {
				b = time.Duration(random.Int64N(int64(length)))
			}
			a, b = min(a, b), max(a, b)
			require.LessOrEqual(t, c.at(a), c.at(b), "seed %d: %d, %d", seed, a, b)
		}
		require.Zero(t, c.at(0))
	}
}

// TestCounter_KeepsTheDriftAndWanderThatItNames: A1 and A1w, to the nanosecond
// that readings are rounded by.
func TestCounter_KeepsTheDriftAndWanderThatItNames(t *testing.T) {
	const length = 5 * time.Hour
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 4))
		c := drawnOscillator(random, length).build(random, length)
		require.LessOrEqual(t, c.drift(length), int64(DrawnDriftPPB), "seed %d", seed)
		require.LessOrEqual(t, c.wander(length), int64(DrawnWanderPPB), "seed %d", seed)
		least, most := c.slopes(length)
		f, v, d := (least+most)/2e9, (most-least)/2e9, float64(c.drift(length))/1e9
		for range 3000 {
			a, b := time.Duration(random.Int64N(int64(length))), time.Duration(random.Int64N(int64(length)))
			a, b = min(a, b), max(a, b)
			local := float64(c.at(b) - c.at(a))
			theta := float64(b-a) - local
			require.LessOrEqual(t, math.Abs(theta), d*local+2, "seed %d: A1 from %v to %v", seed, a, b)
			require.InDelta(t, f*local, theta, v*local+2, "seed %d: A1w from %v to %v", seed, a, b)
		}
	}
}

// TestCounter_StandsStillInAPause, and only a suspend begins an epoch, at the
// first moment after it.
func TestCounter_StandsStillInAPause(t *testing.T) {
	w := New(Config{Oscillator: Oscillator{Pauses: []Pause{
		{At: 20 * time.Second, For: 5 * time.Second},
		{At: 60 * time.Second, For: time.Hour, Epoch: true},
	}}})
	count := func(at time.Duration) time.Duration { return time.Duration(w.Reading(at).Nanos - counterStart) }
	require.Equal(t, 20*time.Second, count(20*time.Second))
	require.Equal(t, 20*time.Second, count(25*time.Second))
	require.Equal(t, 21*time.Second, count(26*time.Second))
	require.Equal(t, w.Reading(0).Epoch, w.Reading(60*time.Second).Epoch)
	require.Greater(t, w.Reading(time.Hour+time.Minute).Epoch, w.Reading(0).Epoch)
	require.Equal(t, 25*time.Second, w.counter.awake(22*time.Second))
	require.Equal(t, 25*time.Second, w.counter.awake(25*time.Second))
}
