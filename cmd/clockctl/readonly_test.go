package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/timex/timextest"
)

// TestClockctl_SetsNoClock: the system calls of the built program, whatever the source says.
func TestClockctl_SetsNoClock(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	server := startServer(t, fleet.Config{})
	asked := 0
	for _, args := range [][]string{
		{"doctor", "-n", "1", server}, {"check", "-w", "1m", "-c", "1h", "-n", "1", server}, {"wait", server}, {"now", "--wait", "-n", "1", server}, {"probe", "-n", "1", server},
		{"sources", "--address", (&chronyctest.Fake{Sources: 1}).Start(t), "-n", "1", server}, {"clocks", "--window", "20ms", "--for", "200ms"},
	} {
		asked += timextest.OnlyReads(t, []int{0, 1}, nil, path, args...)
	}
	require.LessOrEqual(t, asked, 5, "doctor asks once, sources and clocks twice, if the sandbox lets them")
}
