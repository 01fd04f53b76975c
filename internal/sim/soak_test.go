package sim

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

var (
	soakRuns = flag.Int("sim.runs", 30, "how many worlds TestSoak runs, two hours each")
	soakSeed = flag.Uint64("sim.seed", 1, "the seed of the first")
)

// soakWorld is one world of the soak with the sharpest assumptions that hold in
// it: every second one has not a part in a billion to spare.
func soakWorld(seed uint64) (*World, Plan) {
	strategies := append([]string{"any"}, Strategies...)
	c, f := Drawn(seed, strategies[seed%uint64(len(strategies))])
	w := New(c)
	random := rand.New(rand.NewPCG(seed, 1<<36))
	p := Plan{Assumptions: assume(f), Poll: 8 * time.Second << random.IntN(5), Every: uniform(random, 800*time.Millisecond, 1200*time.Millisecond)}
	if random.IntN(2) == 0 {
		p.Assumptions.DriftPPB, p.Assumptions.WanderPPB = max(w.DriftPPB(), 1), max(w.WanderPPB(), 1)
	}
	if random.IntN(3) == 0 {
		p.Assumptions.Window, p.Assumptions.MaxSamples = 10*time.Minute, 16
	}
	return w, p
}

// TestSoak is containment at length: worlds of every kind, up to f liars of
// every strategy, and not one interval without true time in it. Every fault
// that the world knows must have happened. See docs/testing.md for longer runs.
func TestSoak(t *testing.T) {
	var (
		workers  sync.WaitGroup
		mu       sync.Mutex
		seeds    = make(chan uint64)
		total    Report
		fired    = map[string]int{}
		unserved []string
	)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := range seeds {
				w, p := soakWorld(seed)
				r, err := w.Run(p)
				mu.Lock()
				if err != nil || r.Violations > 0 || r.WentBack > 0 || r.Refused > 0 {
					t.Errorf("%v\n%v %v\nreplay: go test ./internal/sim -run Soak -sim.runs=1 -sim.seed=%d", r, err, r.First, seed)
				}
				total.Reads += r.Reads
				total.NoQuorum += r.NoQuorum
				total.Disrupted += r.Disrupted
				total.Disruptions += r.Disruptions
				for name, n := range r.Fired {
					fired[name] += n
				}
				if r.NoQuorum+r.Disrupted > r.Reads/10 {
					unserved = append(unserved, fmt.Sprintf("%v with D = %d, V = %d ppb", r, p.Assumptions.DriftPPB, p.Assumptions.WanderPPB))
				}
				mu.Unlock()
			}
		})
	}
	for i := range *soakRuns {
		seeds <- *soakSeed + uint64(i)
	}
	close(seeds)
	workers.Wait()
	t.Logf("%d reads in %d worlds, %d without an interval before a quorum, %d after %d disproofs", total.Reads, *soakRuns, total.NoQuorum, total.Disrupted, total.Disruptions)
	for _, name := range slices.Sorted(maps.Keys(fired)) {
		t.Logf("%8d × %s", fired[name], name)
	}
	for _, line := range unserved {
		t.Logf("often no answer: %s", line)
	}
	if *soakRuns >= 30 {
		everythingFired(t, fired)
	}
}

// everythingFired fails if a fault that the soak is there for never happened.
func everythingFired(t *testing.T, fired map[string]int) {
	faults := []string{"loss", "duplicate", "replay", "reordering", "route change", "hold-back", "restart", "kiss"}
	for _, s := range Strategies {
		faults = append(faults, "lie "+s)
	}
	for _, fault := range faults {
		require.Greater(t, fired[fault], 0, "%q never happened; the soak proves less than it says", fault)
	}
}

// TestDrawn_KeepsItsAssumptions: a soak on worlds that break A1 or A1w would
// prove nothing.
func TestDrawn_KeepsItsAssumptions(t *testing.T) {
	for seed := range uint64(200) {
		c, f := Drawn(seed, "any")
		w, lying := New(c), 0
		for i := range c.Servers {
			s := &w.nodes[i].Server
			if s.Lie != nil {
				lying++
			}
			for at := time.Duration(0); at < c.Length; at += time.Minute {
				require.LessOrEqual(t, s.off(at).Abs(), s.clientClaim(at), "seed %d, server %d: A2", seed, i)
			}
		}
		require.Equal(t, f, lying)
		require.LessOrEqual(t, 2*f+1, len(c.Servers))
		require.LessOrEqual(t, w.DriftPPB(), int64(DrawnDriftPPB))
		require.LessOrEqual(t, w.WanderPPB(), int64(DrawnWanderPPB))
		require.NoError(t, valid(w, f))
	}
}

func valid(w *World, f int) error {
	_, err := ntpprobe.NewEstimator(w.Servers(), assume(f))
	return err
}
