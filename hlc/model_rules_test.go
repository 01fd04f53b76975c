package hlc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clockStep is what a Clock with these options does. Its state is set before each step; a refusal must leave it so.
func clockStep(t *testing.T, o Options) stepFunc {
	t.Helper()
	s := &script{}
	o.Physical = s.read
	c, err := New(o)
	require.NoError(t, err)
	return func(last Timestamp, pt int64, remote Timestamp) Timestamp {
		s.now, c.logical = pt, last.Logical
		c.state.Store(pack(last.WallTime, 0))
		if last.Logical > 0 {
			c.state.Store(pack(last.WallTime, slowBit))
		}
		ts, err := Timestamp{}, error(nil)
		if remote.IsZero() {
			ts = c.Now()
		} else {
			ts, err = c.Update(remote)
		}
		if after := c.Peek(); err != nil && after != last || err == nil && after != ts {
			t.Errorf("last %v, pt %d, remote %v: %v, %v, and then last %v", last, pt, remote, ts, err, after)
		}
		return ts
	}
}

// paperStep is the paper's algorithm, as the oracle of clock_test.go has it.
func paperStep(last Timestamp, pt int64, remote Timestamp) Timestamp {
	p := paper{last.WallTime, last.Logical}
	if remote.IsZero() {
		return p.send(pt)
	}
	return p.receive(pt, remote)
}

// TestModel_EveryWorldIsRight, and each bound that is promised in it is reached: with one less a world breaks it.
//
// The paper has l − pt ≤ ε, and c ≤ N(ε + 1) if physical clocks advance between two events of a node. The second is not tight: the
// first event at wall time L has pt = L, and the node that it is of advances; each other node has at most ε + 1 events in
// L − ε … L. So c ≤ (N − 1)(ε + 1), and that is reached. Without the assumption c has no bound but MaxLogical, and a
// full logical part adds a nanosecond to l.
func TestModel_EveryWorldIsRight(t *testing.T) {
	twoTicks, err := NewLayout(LayoutOptions{Name: "two", Ticks: 1, Nanos: 2, LogicalBits: 1})
	require.NoError(t, err)
	const eps = 1 // of rows that say no other
	for _, c := range []struct {
		why     string
		limits  limits
		options Options
	}{
		{"clocks that stand still and go back", limits{nodes: 2, ticks: 3, eps: 2, events: 6, lead: 2, logical: anything}, Options{}},
		{"three nodes", limits{nodes: 3, ticks: 2, eps: eps, events: 5, lead: eps, logical: anything}, Options{}},
		{"skew 3", limits{nodes: 2, ticks: 2, eps: 3, events: 5, lead: 3, logical: anything}, Options{}},
		{"clocks that advance between events: (N − 1)(ε + 1)", limits{nodes: 2, ticks: 4, eps: eps, events: 8, rising: true, lead: eps, logical: eps + 1}, Options{}},
		{"the same for skew 2", limits{nodes: 2, ticks: 3, eps: 2, events: 7, rising: true, lead: 2, logical: 2 + 1}, Options{}},
		{"the same for three nodes", limits{nodes: 3, ticks: 2, eps: eps, events: 6, rising: true, lead: eps, logical: 2 * (eps + 1)}, Options{}},
		{"a logical part of two bits carries, once in six events", limits{nodes: 2, ticks: 2, eps: eps, events: 6, lead: eps + 1, logical: 3}, Options{MaxLogical: 3}},
		{"one of one, twice in five", limits{nodes: 2, ticks: 2, eps: 2, events: 5, lead: 2 + 2, logical: 1}, Options{MaxLogical: 1}},
		{"a layout with ticks of 2 ns: everything packs", limits{nodes: 2, ticks: 3, eps: eps, events: 5, lead: eps + 2*2, logical: 1, fits: twoTicks}, Options{Layout: twoTicks}},
		{"a broken clock, and a limit: those that hear from it go no further than that, nor those that hear from them", limits{nodes: 3, ticks: 2, eps: eps, fast: 3, events: 5, lead: eps + 1, logical: anything}, Options{MaxLead: 1}},
	} {
		if c.limits.lead == c.limits.eps {
			c.options.MaxLead, c.limits.believed = time.Duration(c.limits.eps), true // refuses nobody honest
		}
		states, counterexample := c.limits.deeper(*worldsFlag).check(clockStep(t, c.options))
		require.Empty(t, counterexample, c.why)
		require.Greater(t, states, 1000, c.why)
		t.Logf("%s: %d worlds", c.why, states)

		less := c.limits
		less.lead--
		_, counterexample = less.check(clockStep(t, c.options))
		require.Contains(t, counterexample, "ahead of pt", c.why)
		if less = c.limits; less.logical != anything {
			less.logical--
			_, counterexample = less.check(clockStep(t, c.options))
			require.Contains(t, counterexample, "logical part above", c.why)
		}
	}
}

// TestModel_ThePapersRuleIsRight in the same worlds, as figure 5 has it.
func TestModel_ThePapersRuleIsRight(t *testing.T) {
	l := limits{nodes: 2, ticks: 3, eps: 2, events: 5, lead: 2, logical: anything}
	states, counterexample := l.deeper(*worldsFlag).check(paperStep)
	require.Empty(t, counterexample)
	t.Logf("%d worlds", states)
}

// TestModel_WhomALimitRefuses: a limit below the skew refuses honest nodes. One at or above it refuses none while all clocks are
// right; but a broken one can take a node to where another, whose clock is slower, does not believe it until its own has
// moved on. So MaxLead should be well above the skew, and a broken clock be mended and not only refused.
func TestModel_WhomALimitRefuses(t *testing.T) {
	all := limits{nodes: 2, ticks: 2, eps: 2, events: 4, lead: anything, logical: anything, believed: true}
	_, counterexample := all.check(clockStep(t, Options{MaxLead: 1}))
	require.Contains(t, counterexample, "an honest message is refused")
	_, counterexample = all.check(clockStep(t, Options{MaxLead: 2}))
	require.Empty(t, counterexample)

	all.nodes, all.fast = 3, 3
	_, counterexample = all.check(clockStep(t, Options{MaxLead: 2}))
	require.Contains(t, counterexample, "an honest message is refused")
	t.Log(counterexample)
}
