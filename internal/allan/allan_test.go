package allan

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// nist is the set of 1000 frequencies of NIST SP 1065, §12.4: a congruential generator,
// so that anybody can make it.
func nist() []float64 {
	frequencies := make([]float64, 1000)
	n := int64(1234567890)
	for i := range frequencies {
		frequencies[i] = float64(n) / 2147483647
		n = 16807 * n % 2147483647
	}
	return frequencies
}

// offsets adds frequencies up, as a clock does.
func offsets(frequencies []float64) []float64 {
	x := []float64{0}
	for _, y := range frequencies {
		x = append(x, x[len(x)-1]+y)
	}
	return x
}

// TestDeviation_NIST are the published values, to their seven digits.
func TestDeviation_NIST(t *testing.T) {
	x := offsets(nist())
	for m, want := range map[int]float64{1: 2.922319e-01, 10: 9.159953e-02, 100: 3.241343e-02} {
		got, _ := Deviation(x, 1, m)
		require.InEpsilon(t, want, got, 5e-7, "m = %d", m)
	}
	got, terms := Deviation(x, 0.001, 10)
	require.InEpsilon(t, 91.59953, got, 5e-7, "the same offsets in a thousandth of the time")
	require.Equal(t, 1001-20, terms)
}

// TestDeviation_NBS14 is the published set of nine frequencies (Riley, "The
// calculation of time domain frequency stability").
func TestDeviation_NBS14(t *testing.T) {
	x := offsets([]float64{892, 809, 823, 798, 671, 644, 883, 903, 677})
	for m, want := range map[int]float64{1: 91.22945, 2: 85.95287} {
		got, _ := Deviation(x, 1, m)
		require.InEpsilon(t, want, got, 5e-7, "m = %d", m)
	}
}

func TestDeviation_KnowsWhatItCannotSay(t *testing.T) {
	for name, c := range map[string]struct {
		offsets []float64
		tau0    float64
		m       int
	}{
		"two offsets have no second difference": {[]float64{1, 2}, 1, 1},
		"nothing":                               {nil, 1, 1},
		"no averaging":                          {[]float64{1, 2, 3}, 1, 0},
		"no time between them":                  {[]float64{1, 2, 3}, 0, 1},
		"too long for the data":                 {[]float64{1, 2, 3, 4}, 1, 2},
		"a time that is no time":                {[]float64{1, 2, 3}, math.NaN(), 1},
	} {
		deviation, terms := Deviation(c.offsets, c.tau0, c.m)
		require.Zero(t, deviation, name)
		require.Zero(t, terms, name)
	}
}

// TestOctaves_ASteadyRateIsPerfect: the deviation sees neither offset nor rate.
func TestOctaves_ASteadyRateIsPerfect(t *testing.T) {
	var x []float64
	for i := range 33 {
		x = append(x, 5+float64(i)*0.25)
	}
	points := Octaves(x, 2*time.Second)
	require.Len(t, points, 5)
	for i, p := range points {
		require.Equal(t, time.Duration(2<<i)*time.Second, p.Tau)
		require.Zero(t, p.Deviation)
	}
	require.Equal(t, 1, points[4].Terms)
}

// TestOctaves_TheErrorIsThatOfThousandsOfClocks: however a clock is unsteady, the deviations
// of many such clocks scatter by no more than is said, and where its frequency is white
// noise not by far less. (White noise of the offset profits more from overlapping.)
func TestOctaves_TheErrorIsThatOfThousandsOfClocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	white := func() []float64 {
		x := make([]float64, 257)
		for i := range x {
			x[i] = random.NormFloat64()
		}
		return x
	}
	for name, clock := range map[string]func() []float64{
		"white offset":             white,
		"white frequency":          func() []float64 { return offsets(white())[1:] },
		"random walk of frequency": func() []float64 { return offsets(offsets(white())[1:])[1:] },
	} {
		const clocks = 2000
		sum, squares := make([]float64, 8), make([]float64, 8)
		var said []Point
		for range clocks {
			said = Octaves(clock(), time.Second)
			for i, p := range said {
				sum[i] += p.Deviation / clocks
				squares[i] += p.Deviation * p.Deviation / clocks
			}
		}
		for i, p := range said {
			scatter := math.Sqrt(squares[i]-sum[i]*sum[i]) / sum[i]
			require.LessOrEqual(t, scatter, 1.05*p.Error, "%s, τ = %v", name, p.Tau)
			if name == "white frequency" {
				require.Greater(t, 2*scatter, p.Error, "%s, τ = %v", name, p.Tau)
			}
		}
	}
}

func TestEven_DrawsALine(t *testing.T) {
	got, step := Even([]Sample{{0, 0}, {time.Second, 1}, {2 * time.Second, 9}, {2 * time.Second, 2}, {6 * time.Second, 6}})
	require.Equal(t, 2*time.Second, step, "the mean pause; of two at one moment the last counts")
	require.InDeltaSlice(t, []float64{0, 2, 4, 6}, got, 1e-12)
	for _, few := range [][]Sample{nil, {{0, 1}}, {{0, 1}, {1, 2}}, {{0, 1}, {0, 2}, {0, 3}, {1, 2}}} {
		got, step = Even(few)
		require.Empty(t, got)
		require.Zero(t, step)
	}
}
