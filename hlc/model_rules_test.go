package hlc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// follows is the step function of a Clock with these options.
func follows(t *testing.T, o Options) stepFunc {
	t.Helper()
	r, err := o.rules()
	require.NoError(t, err)
	return func(last Timestamp, pt int64, remote Timestamp) Timestamp {
		ts, ok := r.follow(last, r.issuable(r.within(pt)), remote)
		require.True(t, ok)
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

// TestModel_EveryWorldIsRight.
func TestModel_EveryWorldIsRight(t *testing.T) {
	twoTicks, err := NewLayout(LayoutOptions{Name: "two", Ticks: 1, Nanos: 2, LogicalBits: 1})
	require.NoError(t, err)
	for _, c := range []struct {
		why    string
		limits limits
		step   stepFunc
	}{
		{"clocks that stand still and go back", limits{nodes: 2, ticks: 3, eps: 2, events: 6, lead: true, logical: -1}, follows(t, Options{})},
		{"three nodes", limits{nodes: 3, ticks: 2, eps: 1, events: 5, lead: true, logical: -1}, follows(t, Options{})},
		{"skew 3", limits{nodes: 2, ticks: 2, eps: 3, events: 5, lead: true, logical: -1}, follows(t, Options{})},
		{"clocks that advance between events: the logical part stays within N(eps + 1), as the paper says", limits{nodes: 2, ticks: 4, eps: 1, events: 8, rising: true, lead: true, logical: 2 * (1 + 1)}, follows(t, Options{})},
		{"the same for three nodes", limits{nodes: 3, ticks: 2, eps: 1, events: 6, rising: true, lead: true, logical: 3 * (1 + 1)}, follows(t, Options{})},
		{"a logical part of two bits carries and stays there", limits{nodes: 2, ticks: 2, eps: 1, events: 6, logical: 3}, follows(t, Options{MaxLogical: 3})},
		{"one of one", limits{nodes: 2, ticks: 2, eps: 2, events: 5, logical: 1}, follows(t, Options{MaxLogical: 1})},
		{"a layout with ticks of 2 ns: everything packs", limits{nodes: 2, ticks: 3, eps: 1, events: 5, logical: 1, fits: twoTicks}, follows(t, Options{Layout: twoTicks})},
		{"the paper's rule", limits{nodes: 2, ticks: 3, eps: 2, events: 5, lead: true, logical: -1}, paperStep},
	} {
		states, counterexample := c.limits.check(c.step)
		require.Empty(t, counterexample, c.why)
		require.Greater(t, states, 1000, c.why)
		t.Logf("%s: %d worlds", c.why, states)
	}
}

// TestModel_TheBoundsAreTight: with one less, a world breaks them; so they are checked.
func TestModel_TheBoundsAreTight(t *testing.T) {
	l := limits{nodes: 2, ticks: 3, eps: 2, events: 5, lead: true, logical: -1}
	_, counterexample := l.check(func(last Timestamp, pt int64, remote Timestamp) Timestamp {
		ts := follows(t, Options{})(last, pt, remote)
		ts.WallTime++ // everything a nanosecond later
		ts.Logical = 0
		return ts
	})
	require.Contains(t, counterexample, "more than eps ahead")
	_, counterexample = limits{nodes: 2, ticks: 2, eps: 1, events: 6, logical: 2}.check(follows(t, Options{MaxLogical: 3}))
	require.Contains(t, counterexample, "logical part above 2")
}

// TestModel_FindsBrokenRules: each of these clocks is wrong, and the checker shows how.
func TestModel_FindsBrokenRules(t *testing.T) {
	next := func(t Timestamp) Timestamp { return Timestamp{t.WallTime, t.Logical + 1} }
	right := follows(t, Options{})
	for why, step := range map[string]stepFunc{
		"the receive rule of the authors' published PlusCal: equal wall times reset the logical part": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if m.IsZero() {
				return right(last, pt, m)
			}
			wall := max(pt, last.WallTime, m.WallTime)
			switch {
			case last.WallTime > pt && last.WallTime == m.WallTime:
				return Timestamp{wall, max(last.Logical, m.Logical) + 1}
			case last.WallTime > pt:
				return Timestamp{wall, last.Logical + 1}
			case last.WallTime < m.WallTime:
				return Timestamp{wall, m.Logical + 1}
			}
			return Timestamp{wall, 0}
		},
		"a receipt takes the message's timestamp, without one more": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if m.After(last) && m.WallTime >= pt {
				return m
			}
			return right(last, pt, m)
		},
		"the message's logical part is ignored": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			return right(last, pt, Timestamp{WallTime: m.WallTime})
		},
		"the own logical part is ignored at equal wall times": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if !m.IsZero() && m.WallTime == last.WallTime && pt <= m.WallTime {
				return next(m)
			}
			return right(last, pt, m)
		},
		"physical time counts when it is not ahead": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if pt >= max(last.WallTime, m.WallTime) {
				return Timestamp{WallTime: pt}
			}
			return right(last, pt, m)
		},
		"the wall time follows a clock that goes back": func(last Timestamp, pt int64, _ Timestamp) Timestamp {
			if pt != last.WallTime {
				return Timestamp{WallTime: pt}
			}
			return next(last)
		},
		"messages are not looked at": func(last Timestamp, pt int64, _ Timestamp) Timestamp {
			return right(last, pt, Timestamp{})
		},
		"the learned wall time is overwritten by physical time": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if ts := right(last, pt, m); m.IsZero() {
				return Timestamp{pt, ts.Logical}
			}
			return right(last, pt, m)
		},
		"a full logical part wraps without a carry": func(last Timestamp, pt int64, m Timestamp) Timestamp {
			ts := right(last, pt, m)
			ts.Logical %= 2
			return ts
		},
	} {
		_, counterexample := limits{nodes: 2, ticks: 3, eps: 2, events: 5, logical: -1}.check(step)
		require.NotEmpty(t, counterexample, why)
		if strings.Contains(why, "PlusCal") {
			_, counterexample = limits{nodes: 2, ticks: 3, eps: 2, events: 5, rising: true, logical: -1}.check(step)
			require.NotEmpty(t, counterexample, "%s: even if its clock advances before each event, as it demands", why)
		}
		t.Logf("%s:\n%s", why, counterexample)
	}
}
