package main

import (
	"testing"

	"github.com/stretchr/testify/require"

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
	} {
		asked += timextest.OnlyReads(t, []int{0, 1}, nil, path, args...)
	}
	require.LessOrEqual(t, asked, 1, "doctor asks once, if the sandbox lets it")
}
