package commitwait

import (
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

var (
	trials = flag.Int("commit.trials", 20_000, "pairs of transactions in TestSim_OrderIsRealTimeOrder")
	seed   = flag.Uint64("commit.seed", 0, "0: of the time")
)

func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -commit.seed=%d", s)
	return rand.New(rand.NewPCG(s, 1))
}

// rule is a way to give a transaction its timestamp, and to acknowledge it.
type rule struct {
	why    string
	claim  float64 // the half width that the clocks claim, as a part of the true one
	latest float64 // where the clocks say that latest is: 1 at the end of the interval, 0 in its middle, −1 at its beginning
	commit func(t *testing.T, n *node) hlc.Timestamp
}

// right is the rule of this package.
var right = rule{"take latest, and wait until earliest has passed it", 1, 1, func(t *testing.T, n *node) hlc.Timestamp {
	ts, err := n.committer.Commit(t.Context(), nothing)
	require.NoError(t, err)
	return ts
}}

// broken are other rules. Those that do not wait as they should take the timestamp from the Committer and acknowledge by themselves.
var broken = []rule{
	{"no wait", 1, 1, assigned(func(truetime.Interval, hlc.Timestamp) int64 { return 0 })},
	{"wait until latest has passed it", 1, 1, assigned(func(now truetime.Interval, ts hlc.Timestamp) int64 { return ts.WallTime - now.LatestUnixNano() + 1 })},
	{"wait until the midpoint has passed it", 1, 1, assigned(func(now truetime.Interval, ts hlc.Timestamp) int64 { return ts.WallTime - now.Midpoint() + 1 })},
	{"wait for ε", 1, 1, assigned(func(now truetime.Interval, ts hlc.Timestamp) int64 { return int64(now.Uncertainty()) })},
	{"wait for the nanosecond before", 1, 1, assigned(func(now truetime.Interval, ts hlc.Timestamp) int64 { return ts.WallTime - now.EarliestUnixNano() - 1 })},
	{"take the midpoint", 1, 0, right.commit},
	{"take earliest", 1, -1, right.commit},
	{"clocks that claim 99.9 % of ε", 0.999, 1, right.commit},
	{"clocks that claim 90 % of ε", 0.9, 1, right.commit},
	{"clocks that claim half of ε", 0.5, 1, right.commit},
}

// assigned takes a timestamp and waits as long as wait says.
func assigned(wait func(now truetime.Interval, ts hlc.Timestamp) int64) func(*testing.T, *node) hlc.Timestamp {
	return func(t *testing.T, n *node) hlc.Timestamp {
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		now, err := n.clock.Now()
		require.NoError(t, err)
		time.Sleep(time.Duration(max(0, wait(now, p.TS()))))
		require.NoError(t, p.Abort())
		return p.TS()
	}
}

// publishAs gives the node's clock what a rule makes of an interval of true time + lie ± ε.
func (n *node) publishAs(t *testing.T, rule rule, lie, ε time.Duration) {
	r, err := n.local.Read()
	require.NoError(t, err)
	ε = time.Duration(float64(ε) * rule.claim)
	middle := time.Now().Add(lie).UnixNano()
	b := truetimetest.Around(r, middle, ε, 0)
	b.Latest.Nanos = middle + int64(float64(ε)*rule.latest)
	b.Generation = truetime.NewGeneration()
	require.NoError(t, n.clock.Update(b, nil))
}

// violations runs pairs of transactions in virtual time: the second begins 0 to 200 µs after the first, on another node, was acknowledged. The
// half width is 0.5 to 5 ms; each clock is wrong by anything within it, every fourth time by all of it, the first ahead and
// the second behind.
func violations(t *testing.T, r *rand.Rand, trials int, rule rule) (wrong int) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		for _, n := range []*node{a, b} { // without an HLC, whose clock knows the true time here
			var err error
			n.committer, err = New(n.clock, nil, Options{})
			require.NoError(t, err)
		}
		for range trials {
			ε := 500*time.Microsecond + time.Duration(r.Int64N(int64(4500*time.Microsecond)))
			errA, errB, gap := time.Duration(r.Int64N(2*int64(ε)+1))-ε, time.Duration(r.Int64N(2*int64(ε)+1))-ε, time.Duration(r.Int64N(200_001))
			if r.IntN(4) == 0 {
				errA, errB, gap = ε, -ε, 0
			}
			a.publishAs(t, rule, errA, ε)
			first := rule.commit(t, a)
			time.Sleep(gap)
			b.publishAs(t, rule, errB, ε)
			if second := rule.commit(t, b); !first.Before(second) {
				wrong++
			}
			time.Sleep(time.Second) // the next pair knows nothing of this one
		}
	})
	return wrong
}

// TestSim_OrderIsRealTimeOrder: never a violation. The mutants of internal/mutants are killed by it.
func TestSim_OrderIsRealTimeOrder(t *testing.T) {
	require.Zero(t, violations(t, newRand(t), *trials, right))
}

// TestSim_EveryOtherRuleBreaksIt: so the test above can fail. The last ones are not rules but clocks that lie: the guarantee rests
// on the intervals.
func TestSim_EveryOtherRuleBreaksIt(t *testing.T) {
	const trials = 2_000
	r := newRand(t)
	for _, rule := range broken {
		wrong := violations(t, r, trials, rule)
		t.Logf("%-40s %5.1f %% of %d pairs in the wrong order", rule.why, 100*float64(wrong)/trials, trials)
		require.NotZero(t, wrong, rule.why)
	}
}
