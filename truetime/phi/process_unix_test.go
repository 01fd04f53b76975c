//go:build unix

package phi

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProcess_SIGSTOP: a real peer over loopback is trusted while it sends, suspected while it is
// stopped, and trusted again.
func TestProcess_SIGSTOP(t *testing.T) {
	d, child := heartbeats(t, Options{First: 100 * ms, Pause: 200 * ms})
	for range 3 {
		becomes(t, d, Trusted)
		require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
		becomes(t, d, Suspected)
		require.NoError(t, child.Process.Signal(syscall.SIGCONT))
	}
	becomes(t, d, Trusted)
}

// TestProcess_SIGKILL: a peer that was killed is suspected and stays so.
func TestProcess_SIGKILL(t *testing.T) {
	d, child := heartbeats(t, Options{First: 100 * ms})
	becomes(t, d, Trusted)
	require.NoError(t, child.Process.Kill())
	becomes(t, d, Suspected)
	before := d.Phi()
	require.Eventually(t, func() bool { return d.Phi() > 2*before }, 30_000*ms, ms)
}
