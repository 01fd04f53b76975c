//go:build unix && !solaris && !illumos && !aix

package record

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRecord_Sync: each write is on the disk when it returns, also after a rotation, if
// that was asked for.
func TestRecord_Sync(t *testing.T) {
	for _, sync := range []bool{false, true} {
		f, err := Open(filepath.Join(t.TempDir(), "r"), Options{Keep: 1, Sync: sync}, newSession().Start)
		require.NoError(t, err)
		for range 2 {
			flags, err := unix.FcntlInt(f.file.Fd(), unix.F_GETFL, 0)
			require.NoError(t, err)
			require.Equal(t, sync, flags&unix.O_SYNC == unix.O_SYNC)
			require.NoError(t, f.rotate())
		}
		require.NoError(t, f.Close())
	}
}
