package sim

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// point is one constraint of a sample: true − local is at most (or at least) v at
// reading at. Relative to the world, in float64, which is good to a nanosecond there.
type point struct{ at, v float64 }

// claims are all constraints of one server, oldest first.
type claims struct{ upper, lower []point }

// ledger keeps every sample of a run, for oracles that are allowed to be slow.
type ledger struct {
	world   *World
	servers []claims
}

func newLedger(w *World) *ledger { return &ledger{w, make([]claims, len(w.nodes))} }

// take has the shape of Plan.OnSample.
func (l *ledger) take(i int, _ time.Duration, s ntpprobe.Sample, rejected error) {
	if rejected != nil {
		return
	}
	e := int64(s.RootDistance())
	t1, t4 := s.T1.Nanos-counterStart, s.T4.Nanos-counterStart
	c := &l.servers[i]
	c.upper = append(c.upper, point{float64(t1), float64(s.T2 - l.world.start - t1 + e)})
	c.lower = append(c.lower, point{float64(t4), float64(s.T3 - l.world.start - t4 - e)})
}

// since returns the constraints that are not older than a reading.
func since(points []point, oldest float64) []point {
	i, _ := slices.BinarySearchFunc(points, oldest, func(p point, t float64) int {
		if p.at < t {
			return -1
		}
		return 1
	})
	return points[i:]
}

// joint is M2 with the constraints of several servers pooled, every pair of
// them tried: the exact set of θ(at) that they leave, true − local, if their rate
// is within ±v of one fixed rate within ±d (plain ratios). It is false if they exclude each other.
func (l *ledger) joint(members []int, at, window, d, v float64) (lo, hi float64, ok bool) {
	var upper, lower []point
	for _, i := range members {
		upper = append(upper, since(l.servers[i].upper, at-window)...)
		lower = append(lower, since(l.servers[i].lower, at-window)...)
	}
	fmin, fmax := -d, d
	for _, u := range upper {
		for _, b := range lower {
			gap, room := u.at-b.at, u.v-b.v
			switch {
			case room+d*math.Abs(gap) < 0:
				return 0, 0, false
			case gap > 0:
				fmax = min(fmax, room/gap+v)
			case gap < 0:
				fmin = max(fmin, room/gap-v)
			}
		}
	}
	lo, hi = math.Inf(-1), math.Inf(1)
	for _, u := range upper {
		hi = min(hi, u.v+min(fmax+v, d)*(at-u.at))
	}
	for _, b := range lower {
		lo = max(lo, b.v+max(fmin-v, -d)*(at-b.at))
	}
	return lo, hi, fmin <= fmax && lo <= hi
}

// optimum is the half width of the best sound answer at a reading: the hull of
// what each feasible set of n − f servers leaves.
func (l *ledger) optimum(r truetime.Reading, f int, window time.Duration, driftPPB, wanderPPB int64) time.Duration {
	at := float64(r.Nanos - counterStart)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, members := range choose(len(l.servers), len(l.servers)-f) {
		a, b, ok := l.joint(members, at, float64(window), float64(driftPPB)/1e9, float64(wanderPPB)/1e9)
		if ok {
			lo, hi = min(lo, a), max(hi, b)
		}
	}
	return time.Duration((hi - lo) / 2)
}

// choose lists the sets of k of n.
func choose(n, k int) (sets [][]int) {
	for mask := range 1 << n {
		var set []int
		for i := range n {
			if mask>>i&1 == 1 {
				set = append(set, i)
			}
		}
		if len(set) == k {
			sets = append(sets, set)
		}
	}
	return sets
}

// deepest is the selector of chrony and Kudu on the same samples: what the
// largest number of servers have in common, however many those are. Each
// server's interval is its constraints aged by slope.
func (l *ledger) deepest(r truetime.Reading, window time.Duration, slope float64) (truetime.Interval, bool) {
	at := float64(r.Nanos - counterStart)
	var intervals []truetime.Interval
	for _, c := range l.servers {
		lo, hi := math.Inf(-1), math.Inf(1)
		for _, u := range since(c.upper, at-float64(window)) {
			hi = min(hi, u.v+slope*(at-u.at))
		}
		for _, b := range since(c.lower, at-float64(window)) {
			lo = max(lo, b.v-slope*(at-b.at))
		}
		origin := l.world.start + int64(at)
		if iv, err := truetime.NewInterval(origin+int64(lo), origin+int64(hi)); err == nil && !math.IsInf(hi-lo, 0) {
			intervals = append(intervals, iv)
		}
	}
	for f := 0; 2*f < len(intervals); f++ {
		if a, err := truetime.Agree(intervals, f); err == nil {
			return a.Interval, true
		}
	}
	return truetime.Interval{}, false
}

// TestJoint_IsM2OnTwoSamples pins the oracle to a case that can be done by hand.
func TestJoint_IsM2OnTwoSamples(t *testing.T) {
	l := &ledger{servers: []claims{{
		upper: []point{{0, 100}, {1e6, 120}},
		lower: []point{{0, -100}, {1e6, -80}},
	}}}
	// Fmax: (120 − −100)/1e6 = 220 ppm + 5 = 225, capped at D = 200 ppm; Fmin: −180/1e6 − 5 ppm = −185.
	lo, hi, ok := l.joint([]int{0}, 2e6, 1e9, 200e-6, 5e-6)
	require.True(t, ok)
	require.InDelta(t, 120+200, hi, 1e-6)
	require.InDelta(t, -80-190, lo, 1e-6)
	_, _, ok = l.joint([]int{0}, 2e6, 1e9, 5e-6, 5e-6)
	require.True(t, ok)
	l.servers[0].upper = append(l.servers[0].upper, point{2e6, -400})
	_, _, ok = l.joint([]int{0}, 3e6, 1e9, 200e-6, 5e-6)
	require.False(t, ok, "−80 and later −400 is faster than the drift")
}
