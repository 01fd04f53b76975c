package phi

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden are values of −log₁₀(½ erfc(z/√2)) by mpmath 1.3 with 60 digits:
//
//	-log10(erfc(z/sqrt(mpf(2)))/2)
//
// and for z ≥ 10⁶ its asymptotic series with 20 terms. 35.35 and 35.36 are on the two sides of the
// seam at 25√2, 38 and 39 of where erfc underflows a float64.
var golden = []struct{ z, phi float64 }{
	{-40, 0}, {-10, 3.3092601213067223e-24}, {-5, 1.2449121373882917e-7}, {-1, 0.075026012957818023},
	{-0.001, 0.30068361702647339}, {0, 0.3010299956639812}, {0.001, 0.30137665078193906},
	{1, 0.7995455414919705}, {2, 1.643016080140937}, {3, 2.8696990359293691}, {5, 6.5426456723906545},
	{8, 15.206142551017155}, {10, 23.118053405486076}, {20, 88.560095343075592}, {30, 197.30920926166095},
	{35, 267.94888194975297}, {35.35, 273.29990430636616}, {35.36, 273.45357176288781}, {36, 283.37855116804829},
	{37.5, 307.33673707464464}, {38, 315.53978970396251}, {39, 332.27139309303085}, {50, 544.96633586199665},
	{100, 2173.8715428690344}, {1000, 217150.64004199439}, {1e6, 217147240958.025}, {1e12, 2.1714724095162591e23}, {9.2e18, 1.8379342474145617e37},
}

func TestTail_GoldenValues(t *testing.T) {
	for _, g := range golden {
		got := tail(g.z)
		require.False(t, math.Signbit(got), "z = %v", g.z)
		if g.phi == 0 {
			require.Zero(t, got)
			continue
		}
		require.InEpsilon(t, g.phi, got, 4e-13, "z = %v", g.z)
	}
}

// TestTail_NeverFalls, over the seam and wherever it begins to round, and is always a number.
func TestTail_NeverFalls(t *testing.T) {
	for _, from := range []float64{-45, -1, 0, 30, far*math.Sqrt2 - 0.01, 37, 1e6, 1e15, 4e18} {
		for _, step := range []float64{2e-6, 1e-4 * math.Abs(from)} {
			last := 0.0
			for i := range 10_000 {
				z := from + step*float64(i)
				got := tail(z)
				require.False(t, math.IsNaN(got) || math.IsInf(got, 0) || got < 0, "z = %v", z)
				require.GreaterOrEqual(t, got, last*(1-1e-12), "z = %v", z)
				last = got
			}
		}
	}
}

func FuzzTail(f *testing.F) {
	f.Add(0.0)
	f.Add(far * math.Sqrt2)
	f.Fuzz(func(t *testing.T, z float64) {
		if math.IsNaN(z) || math.Abs(z) > 1e19 {
			t.Skip("no silence divided by a deviation")
		}
		got := tail(z)
		require.False(t, math.IsNaN(got) || math.IsInf(got, 0) || got < 0, "%v", got)
		require.GreaterOrEqual(t, tail(z+0.5), got*(1-1e-12))
	})
}
