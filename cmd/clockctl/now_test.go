package main

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// TestNow_AnInterruptedWaitLeavesTheIntervalTrue: the signal comes with the second
// request, so the wait for latest ends before it began. The interval is printed.
func TestNow_AnInterruptedWaitLeavesTheIntervalTrue(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{Reply: fleet.Then(func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	})})
	code, stdout, stderr := invoke(ctx, "now", "--wait", "-n", "2", "-i", "1ms", "--timeout", "10s", "-o", "json", server)
	require.Equal(t, exitInterrupted, code, stderr)
	require.Regexp(t, `"interval":\{"earliest".*"agreed":1,"status":"synchronized","error":\{"code":"interrupted","message":"interrupted by signal interrupt"\},"leap_pending":null\}\n$`, stdout)
	require.Equal(t, "clockctl: now: interrupted by signal interrupt\n", stderr)
}
