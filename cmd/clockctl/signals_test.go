//go:build unix

package main

import (
	"bufio"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// started runs the built program until its first line is there.
func started(t *testing.T, stdin string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	return cmd, lines
}

// TestSignals_TwoAtOnceAreOne: timeout(1) sends its signal to the program and to its group, which is the
// program again. What is known is printed all the same.
func TestSignals_TwoAtOnceAreOne(t *testing.T) {
	server := startServer(t, fleet.Config{})
	for range 20 {
		cmd, lines := started(t, "", "probe", "-o", "ndjson", "-n", "1000", "-i", "1m", server)
		for range 1000 { // some come together, some while it ends
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
		last, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, last, `"type":"result"`)
		require.Error(t, cmd.Wait())
		require.Equal(t, exitTerminated, cmd.ProcessState.ExitCode())
	}
}

// TestSignals_ALaterOneKills what cannot end: here nobody reads what it prints.
func TestSignals_ALaterOneKills(t *testing.T) {
	server := startServer(t, fleet.Config{})
	cmd, _ := started(t, strings.Repeat(server+"\n", 2000), "probe", "-n", "1", "-o", "ndjson", "-f", "-", server)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	again, tooLate := time.NewTicker(50*time.Millisecond), time.After(20*time.Second)
	defer again.Stop()
	for {
		select {
		case <-tooLate:
			t.Fatal("it does not end")
		case <-ended:
			require.True(t, cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled())
			return
		case <-again.C:
			_ = cmd.Process.Signal(syscall.SIGINT)
		}
	}
}
