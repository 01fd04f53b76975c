package ntpprobe

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// allConstraints is the obvious answer: every constraint, aged and compared.
func allConstraints(kept []Sample, oldest, nanos int64, s slopes) (lo, hi int64) {
	lo, hi = math.MinInt64, math.MaxInt64
	for _, k := range kept {
		if up := k.latest(s.up); up.At >= oldest {
			if v, ok := up.Ceil(nanos); ok {
				hi = min(hi, v)
			}
		}
		if down := k.earliest(-s.down); down.At >= oldest {
			if v, ok := down.Floor(nanos); ok {
				lo = max(lo, v)
			}
		}
	}
	return lo, hi
}

// TestWindow_EqualsAllConstraints: whatever order the samples arrive in, some of
// them twice, some of a liar.
func TestWindow_EqualsAllConstraints(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed, 1, int(seed%2), 200_000)
		var win window
		var kept, late []Sample
		add := func(s Sample) {
			kept = append(kept, s)
			win.add(s, math.MaxInt)
		}
		for range 80 {
			w.pass(time.Duration(w.random.Int64N(int64(90 * time.Second))))
			s := w.exchange(0)
			if s.Check(Limits{}) != nil {
				continue
			}
			switch w.random.IntN(10) {
			case 0:
				late = append(late, s) // overtaken by the next ones
			case 1:
				add(s)
				win.add(s, math.MaxInt)
			default:
				add(s)
				for _, l := range late {
					add(l)
				}
				late = nil
			}
			oldest := w.reading().Nanos - int64(20*time.Minute)
			win.expire(oldest)
			if win.empty() {
				continue
			}
			s2 := slopes{down: -w.random.Int64N(w.drift), up: w.random.Int64N(w.drift)}
			lo, hi := allConstraints(kept, oldest, w.reading().Nanos, s2)
			got := win.at(w.reading().Nanos, s2)
			// Two lines less than a nanosecond apart may compare equal at one
			// reading and differ by the rounding at another.
			require.InDelta(t, 0, got.lo-lo, 1, "seed %d", seed)
			require.InDelta(t, 0, got.hi-hi, 1, "seed %d", seed)
		}
	}
}

// allPairs is pairRates in exact fractions, with no hull.
func allPairs(upper, lower []constraint) (least, most *big.Rat) {
	least, most = big.NewRat(-rateUnit, 1), big.NewRat(rateUnit, 1)
	for _, u := range upper {
		for _, l := range lower {
			rise := new(big.Int).Sub(big.NewInt(u.nanos), big.NewInt(l.nanos))
			rise.Sub(rise, new(big.Int).Sub(big.NewInt(u.at), big.NewInt(l.at)))
			if u.at == l.at {
				if rise.Sign() < 0 {
					return big.NewRat(rateUnit, 1), big.NewRat(-rateUnit, 1)
				}
				continue
			}
			slope := new(big.Rat).SetFrac(rise.Mul(rise, big.NewInt(rateUnit)), big.NewInt(u.at-l.at))
			if u.at > l.at && slope.Cmp(most) < 0 {
				most = slope
			}
			if u.at < l.at && slope.Cmp(least) > 0 {
				least = slope
			}
		}
	}
	return least, most
}

// TestRates_EqualAllPairs: the walk along the hulls finds the extreme pair of an
// honest server, of a liar, and of random points on a grid so coarse that
// many share a reading; never too tight, and at most a rounded unit too wide.
func TestRates_EqualAllPairs(t *testing.T) {
	for seed := range uint64(400) {
		var win window
		if seed%2 == 0 {
			w := newWorld(seed, 1, int(seed/2%2), 200_000)
			for range 60 {
				w.pass(time.Duration(w.random.Int64N(int64(90 * time.Second))))
				if s := w.exchange(0); s.Check(Limits{}) == nil {
					win.add(s, math.MaxInt)
				}
			}
		} else {
			random := rand.New(rand.NewPCG(seed, 3))
			spread := int64(1) << (4 + random.IntN(30))
			for range 40 {
				at := random.Int64N(50) * 1_000_000_000
				win.upper = insert(win.upper, constraint{at: at, nanos: worldStart + at + random.Int64N(spread)}, +1)
				at = random.Int64N(50) * 1_000_000_000
				win.lower = insert(win.lower, constraint{at: at, nanos: worldStart + at - random.Int64N(spread) + spread/8}, -1)
			}
		}
		least, most := allPairs(win.upper, win.lower)
		got := pairRates(win.upper, win.lower)
		tooWide := func(outer int64, exact *big.Rat, sign int64) *big.Rat {
			d := new(big.Rat).Sub(big.NewRat(outer, 1), exact)
			return d.Mul(d, big.NewRat(sign, 1))
		}
		for _, d := range []*big.Rat{tooWide(got.most, most, 1), tooWide(got.least, least, -1)} {
			gap, _ := d.Float64()
			cut := got.most == rateUnit || got.least == -rateUnit || got.most == -rateUnit || got.least == rateUnit
			require.True(t, cut || gap >= 0 && gap < 1.001, "seed %d: off by %v ppb", seed, gap)
		}
	}
}

// TestRates_NumbersBeyondReason: whatever a liar claims, the arithmetic stays at
// the end of its range instead of wrapping.
func TestRates_NumbersBeyondReason(t *testing.T) {
	far := []constraint{{at: math.MinInt64 / 2, nanos: math.MinInt64}, {at: 0, nanos: math.MaxInt64}, {at: math.MaxInt64 / 2, nanos: math.MinInt64}}
	for _, upper := range far {
		for _, lower := range far {
			got := pairRates([]constraint{upper}, []constraint{lower})
			require.LessOrEqual(t, got.most, int64(rateUnit))
			require.GreaterOrEqual(t, got.least, int64(-rateUnit))
		}
	}
	require.Equal(t, int64(rateUnit), slopeUp(math.MaxInt64, 1))
	require.Equal(t, int64(-rateUnit), slopeUp(math.MinInt64, 1))
	require.Equal(t, int64(1), slopeUp(1, math.MaxInt64), "rounded up")
	require.Equal(t, int64(0), slopeUp(-1, math.MaxInt64))
}

// TestWindow_MemoryIsBounded: for ever, and on each side.
func TestWindow_MemoryIsBounded(t *testing.T) {
	w := newWorld(1, 1, 0, 200_000)
	var win window
	for range 1000 {
		w.pass(time.Second)
		win.add(w.exchange(0), 16)
		require.LessOrEqual(t, len(win.upper), 16)
		require.LessOrEqual(t, len(win.lower), 16)
	}
	require.Equal(t, 16, len(win.upper), "the scenario really fills it")
	require.Equal(t, 1000, win.samples)
}

// TestWindow_ThinningKeepsWhatBinds: 400 samples in room for 64 give what 400 give,
// for the time at any slope and for the rate.
func TestWindow_ThinningKeepsWhatBinds(t *testing.T) {
	for seed := range uint64(50) {
		w := newWorld(seed, 1, 0, 200_000)
		var all, some window
		for range 400 {
			w.pass(time.Duration(w.random.Int64N(int64(16 * time.Second))))
			s := w.exchange(0)
			all.add(s, math.MaxInt)
			some.add(s, 64)
			for _, slope := range []int64{-200_000, 0, 15_000, 200_000} {
				s := slopes{down: slope, up: slope}
				a, b := all.at(w.reading().Nanos, s), some.at(w.reading().Nanos, s)
				require.Equal(t, []int64{a.lo, a.hi}, []int64{b.lo, b.hi}, "seed %d, slope %d ppb", seed, slope)
			}
		}
		require.Equal(t, all.rates(), some.rates(), "seed %d", seed)
	}
}

// TestWindow_ALostSampleOnlyWidens: dropping any sample is sound.
func TestWindow_ALostSampleOnlyWidens(t *testing.T) {
	w := newWorld(9, 1, 0, 200_000)
	s := slopes{down: -200_000, up: 200_000}
	var all, some window
	for i := range 50 {
		w.pass(10 * time.Second)
		x := w.exchange(0)
		all.add(x, 100)
		if i%3 != 1 {
			some.add(x, 100)
		}
		a, b := all.at(w.reading().Nanos, s), some.at(w.reading().Nanos, s)
		require.LessOrEqual(t, b.lo, a.lo+1)
		require.GreaterOrEqual(t, b.hi, a.hi-1)
		require.LessOrEqual(t, some.rates().least, all.rates().least)
		require.GreaterOrEqual(t, some.rates().most, all.rates().most)
	}
}
