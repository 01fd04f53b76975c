package hlc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// plusCal is the rule that the authors of the paper published as PlusCal (github.com/muratdem/HLC, hlc.tla): on a receipt c is
// reset when l and pt are equal, whatever it was.
func plusCal(last Timestamp, pt int64, m Timestamp) Timestamp {
	if m.IsZero() {
		return paperStep(last, pt, m)
	}
	l := max(pt, last.WallTime, m.WallTime)
	switch {
	case last.WallTime > pt && last.WallTime == m.WallTime:
		return Timestamp{l, max(last.Logical, m.Logical) + 1}
	case last.WallTime > pt:
		return Timestamp{l, last.Logical + 1}
	case last.WallTime < m.WallTime:
		return Timestamp{l, m.Logical + 1}
	}
	return Timestamp{l, 0}
}

// TestModel_ThePublishedPlusCalGoesBack, even if the clock advances before each event, as it demands. Its own check does
// not see that: it looks at the bounds of l and c, and these hold.
func TestModel_ThePublishedPlusCalGoesBack(t *testing.T) {
	l := limits{nodes: 2, ticks: 3, eps: 2, events: 5, rising: true, lead: 2, logical: 2 * (2 + 1)}
	_, counterexample := l.check(plusCal)
	require.Contains(t, counterexample, "is not above the node's last")
	t.Log(counterexample)
	l.unordered = true
	_, counterexample = l.check(plusCal)
	require.Empty(t, counterexample)
}

// TestModel_FindsBrokenRules: each of these clocks is wrong, and the checker shows how.
func TestModel_FindsBrokenRules(t *testing.T) {
	next := func(t Timestamp) Timestamp { return Timestamp{t.WallTime, t.Logical + 1} }
	right := clockStep(t, Options{MaxLead: Unlimited})
	skewed := limits{nodes: 2, ticks: 3, eps: 2, events: 5, lead: anything, logical: anything}
	oneBroken := limits{nodes: 2, ticks: 2, eps: 1, fast: 4, events: 5, lead: 1 + 1, logical: anything}
	for _, rule := range []struct {
		why    string
		limits limits
		step   stepFunc
	}{
		{"a receipt takes the message's timestamp, without one more", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if m.After(last) && m.WallTime >= pt {
				return m
			}
			return right(last, pt, m)
		}},
		{"the message's logical part is ignored", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			return right(last, pt, Timestamp{WallTime: m.WallTime})
		}},
		{"the own logical part is ignored at equal wall times", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if !m.IsZero() && m.WallTime == last.WallTime && pt <= m.WallTime {
				return next(m)
			}
			return right(last, pt, m)
		}},
		{"physical time counts when it is not ahead", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if pt >= max(last.WallTime, m.WallTime) {
				return Timestamp{WallTime: pt}
			}
			return right(last, pt, m)
		}},
		{"the wall time follows a clock that goes back", skewed, func(last Timestamp, pt int64, _ Timestamp) Timestamp {
			if pt != last.WallTime {
				return Timestamp{WallTime: pt}
			}
			return next(last)
		}},
		{"messages are not looked at", skewed, func(last Timestamp, pt int64, _ Timestamp) Timestamp {
			return right(last, pt, Timestamp{})
		}},
		{"the learned wall time is overwritten by physical time", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			ts := right(last, pt, m)
			if m.IsZero() {
				ts.WallTime = pt
			}
			return ts
		}},
		{"a full logical part wraps without a carry", skewed, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			ts := right(last, pt, m)
			ts.Logical %= 2
			return ts
		}},
		{"the limit is not looked at", oneBroken, right},
		{"the limit counts from the last timestamp: a little each time, and there is none", oneBroken, func(last Timestamp, pt int64, m Timestamp) Timestamp {
			if m.WallTime > max(pt, last.WallTime)+1 {
				return Timestamp{}
			}
			return right(last, pt, m)
		}},
	} {
		t.Run(rule.why, func(t *testing.T) {
			_, counterexample := rule.limits.check(rule.step)
			require.NotEmpty(t, counterexample)
			t.Log("\n" + counterexample)
		})
	}
}
