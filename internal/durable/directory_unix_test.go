//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package durable

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestUnlock_WhileAProcessIsBeingStarted: it has a copy of the descriptor until it executes its program.
func TestUnlock_WhileAProcessIsBeingStarted(t *testing.T) {
	d, err := Open(t.TempDir(), true)
	require.NoError(t, err)
	require.NoError(t, d.Lock())
	child, err := unix.Dup(int(d.(*osDirectory).held.Fd()))
	require.NoError(t, err)
	defer unix.Close(child)
	require.NoError(t, d.Unlock())
	require.NoError(t, d.Lock(), "who has closed it can open it again at once")
	require.NoError(t, d.Unlock())
}
