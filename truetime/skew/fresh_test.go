package skew

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestVerdict_HealthyNeedsAPresentRound: how old the questions are counts, not when the last answer came; a machine that
// slept has nothing present; and who cannot tell how much time has passed does not know.
func TestVerdict_HealthyNeedsAPresentRound(t *testing.T) {
	for why, c := range map[string]struct {
		hangs time.Duration // how long a question goes on, whatever its context says
		since func(*truetimetest.Manual)
		want  Verdict
	}{
		"just now":                         {0, func(*truetimetest.Manual) {}, Healthy},
		"just before the next one is due":  {0, func(c *truetimetest.Manual) { c.Advance(2 * DefaultEvery) }, Healthy},
		"after that":                       {0, func(c *truetimetest.Manual) { c.Advance(2*DefaultEvery + 1) }, Unproven},
		"the answers of an hour ago":       {time.Hour, func(*truetimetest.Manual) {}, Unproven},
		"the machine slept since":          {0, func(c *truetimetest.Manual) { c.Suspend("sleep") }, Unproven},
		"the machine slept in the round":   {-1, func(*truetimetest.Manual) {}, Unproven},
		"the local clock cannot be read":   {0, func(c *truetimetest.Manual) { c.Fail(errors.New("no clock")) }, Unproven},
		"the local clock can be read anew": {0, func(c *truetimetest.Manual) { c.Fail(errors.New("no clock")); c.Fail(nil) }, Healthy},
	} {
		local := truetimetest.NewManual(0)
		look := func() (Node, error) {
			if c.hangs < 0 {
				local.Suspend("sleep")
				return Node{Known: true}, nil
			}
			local.Advance(c.hangs)
			return Node{Known: true}, nil
		}
		m, err := NewMonitor(Config{
			Members: []string{"a"}, Self: "a", Local: local, Look: look,
			Ask: func(context.Context, string) (Node, error) { return Node{}, nil },
		})
		require.NoError(t, err)
		m.round(t.Context())
		require.Equal(t, Healthy, m.Report().Members[0].Verdict)
		c.since(local)
		require.Equal(t, c.want, m.Verdict("a"), why)
	}
}
