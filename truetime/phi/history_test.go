package phi

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

func history(t testing.TB, o Options) *History {
	t.Helper()
	h, err := NewHistory(o)
	require.NoError(t, err)
	return h
}

// learned is a history of ten intervals of 100 ms on average, with a deviation of 14.3457… ms.
func learned(t testing.TB, o Options) *History {
	t.Helper()
	o.First, o.Window = 100*ms, 10
	h := history(t, o)
	for _, x := range []time.Duration{90, 110, 95, 105, 100, 102, 98, 130, 70, 100} {
		require.True(t, h.Add(x*ms))
	}
	return h
}

// TestHistory_GoldenValues: φ of silences, computed by mpmath with 60 digits from the same ten
// intervals.
func TestHistory_GoldenValues(t *testing.T) {
	h := learned(t, Options{MinStdDev: 1})
	require.Equal(t, Distribution{100 * ms, 14_345_731, 10}, h.Distribution())
	for _, g := range []struct {
		silence time.Duration
		phi     float64
	}{
		{0, 6.84740471403885e-13}, {50 * ms, 0.000106736663144554}, {100 * ms, 0.301029995663981}, {110 * ms, 0.614609979321473},
		{130 * ms, 1.7386318984969}, {150 * ms, 3.60952405699262}, {200 * ms, 11.8022583138148}, {300 * ms, 43.7510926620966},
		{500 * ms, 170.666940102831}, {time.Second, 856.857872464886}, {10 * time.Second, 103417.237447811}, {time.Hour, 13673818756.4841},
	} {
		require.InEpsilon(t, g.phi, h.Phi(g.silence), 1e-9, "%v", g.silence)
	}
}

// TestHistory_Stories: what the options do to the same ten intervals.
func TestHistory_Stories(t *testing.T) {
	plain := learned(t, Options{MinStdDev: 1})
	t.Run("an accepted pause puts everything off by itself", func(t *testing.T) {
		h := learned(t, Options{MinStdDev: 1, Pause: time.Second})
		require.InEpsilon(t, plain.Phi(200*ms), h.Phi(1200*ms), 1e-12)
		require.Equal(t, plain.Timeout(8)+time.Second, h.Timeout(8))
	})
	t.Run("a peer that was perfectly regular is not suspected for a millisecond", func(t *testing.T) {
		h := history(t, Options{First: 100 * ms, Window: 50, MinStdDev: 20 * ms})
		for range 50 {
			h.Add(100 * ms)
		}
		require.Zero(t, h.Distribution().StdDev)
		require.InEpsilon(t, tail(0.05), h.Phi(101*ms), 1e-12)
		require.InEpsilon(t, tail(5), h.Phi(200*ms), 1e-12)
	})
	t.Run("before anything was measured, the first interval is expected", func(t *testing.T) {
		h := history(t, Options{First: 100 * ms})
		require.Equal(t, Distribution{100 * ms, 25 * ms, 2}, h.Distribution())
		require.InEpsilon(t, tail(4), h.Phi(200*ms), 1e-12)
	})
	t.Run("an outage is not learnt, and neither is what goes back", func(t *testing.T) {
		h := learned(t, Options{MinStdDev: 1})
		require.False(t, h.Add(time.Second+1))
		require.False(t, h.Add(-1))
		require.Equal(t, plain.Distribution(), h.Distribution())
	})
	t.Run("a silence of no length, or of a clock that went back", func(t *testing.T) {
		require.Less(t, plain.Phi(0), 1e-12)
		require.Zero(t, plain.Phi(math.MinInt64))
	})
	t.Run("a silence of 292 years is a number", func(t *testing.T) {
		h := history(t, Options{First: 4, MinStdDev: 1, Longest: 5})
		require.False(t, math.IsInf(h.Phi(math.MaxInt64), 0))
		require.Greater(t, h.Phi(math.MaxInt64), 1e36)
	})
}

// TestHistory_Timeout_GoldenValues: μ = 100 ms, σ = 10 ms, and z solved by mpmath's findroot.
func TestHistory_Timeout_GoldenValues(t *testing.T) {
	h := history(t, Options{First: 100 * ms, Window: 2, MinStdDev: 10 * ms})
	h.Add(100 * ms)
	h.Add(100 * ms)
	for threshold, nanoseconds := range map[float64]float64{
		0.5: 104782736, 1: 112815516, 3: 130902324, 8: 156120013, 12: 170344839, 16: 182220823, 300: 470470963,
	} {
		require.InDelta(t, nanoseconds, float64(h.Timeout(threshold)), 1, "φ = %v", threshold)
	}
	far := history(t, Options{First: 5, MinStdDev: time.Second})
	for threshold := 1e3; threshold < 1e19; threshold *= 10 {
		timeout := far.Timeout(threshold)
		require.GreaterOrEqual(t, far.Phi(timeout), threshold)
		require.Less(t, far.Phi(timeout-1), threshold)
	}
	require.Zero(t, h.Timeout(0))
	require.Zero(t, h.Timeout(-1))
	require.Zero(t, h.Timeout(math.NaN()))
	require.Equal(t, time.Duration(math.MaxInt64), h.Timeout(math.Inf(1)))
	require.Equal(t, time.Duration(math.MaxInt64), h.Timeout(Certain))
	require.Zero(t, h.Timeout(1e-30), "it is reached at once")
}

// TestHistory_EqualsTheNaiveOne: the window by sums of integers, against a slice and big floats;
// and the timeout against its definition.
func TestHistory_EqualsTheNaiveOne(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 5))
		first := time.Duration(1 + random.Int64N(int64(time.Minute)))
		options := Options{First: first, Window: 2 + random.IntN(50), MinStdDev: 1, Longest: first * 20}
		h := history(t, options)
		all := []time.Duration{first - first/4, first + first/4}
		for i := range 300 {
			x := time.Duration(random.Int64N(int64(options.Longest) + 1))
			if random.IntN(3) == 0 {
				x = first // often the same: small deviations of large numbers
			}
			require.True(t, h.Add(x))
			all = append(all, x)
			all = all[max(0, len(all)-options.Window):]
			mean, deviation := naive(all)
			require.InDelta(t, mean, float64(h.Distribution().Mean), 1, "seed %d, interval %d", seed, i)
			require.InDelta(t, deviation, float64(h.Distribution().StdDev), 1, "seed %d, interval %d", seed, i)
			if threshold := 0.3 + 20*random.Float64(); deviation > 1 {
				timeout := h.Timeout(threshold)
				require.GreaterOrEqual(t, h.Phi(timeout), threshold, "seed %d", seed)
				require.True(t, timeout == 0 || h.Phi(timeout-1) < threshold, "seed %d", seed)
			}
		}
	}
}

func naive(all []time.Duration) (mean, deviation float64) {
	n := new(big.Float).SetPrec(300).SetInt64(int64(len(all)))
	sum := new(big.Float).SetPrec(300)
	for _, x := range all {
		sum.Add(sum, big.NewFloat(0).SetInt64(int64(x)))
	}
	average := new(big.Float).SetPrec(300).Quo(sum, n)
	variance := new(big.Float).SetPrec(300)
	for _, x := range all {
		d := new(big.Float).SetPrec(300).Sub(new(big.Float).SetInt64(int64(x)), average)
		variance.Add(variance, d.Mul(d, d))
	}
	variance.Quo(variance, n)
	mean, _ = average.Float64()
	deviation, _ = variance.Sqrt(variance).Float64()
	return mean, deviation
}

// TestHistory_TheLargestWindow holds its sums: 10 000 days.
func TestHistory_TheLargestWindow(t *testing.T) {
	h := history(t, Options{First: time.Hour, Window: windowMost, Longest: longestMost})
	for i := range 2 * windowMost {
		h.Add(longestMost * time.Duration(i%2))
	}
	require.Equal(t, Distribution{longestMost / 2, longestMost / 2, windowMost}, h.Distribution())
}

func TestOptions_OutOfRange(t *testing.T) {
	for _, o := range []Options{
		{First: -1}, {First: math.MaxInt64}, {First: 25 * time.Hour}, {Window: 1}, {Window: -1}, {Window: windowMost + 1}, {MinStdDev: -1}, {Pause: -1},
		{Longest: -1}, {Longest: time.Second}, {Longest: 25 * time.Hour},
	} {
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions, "%+v", o)
	}
	for _, o := range []Options{{}, {First: 1}, {First: 19 * time.Hour}, {Pause: math.MaxInt64}} {
		_, err := New(o)
		require.NoError(t, err, "%+v", o)
	}
}
