package driver

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestOrphans_End: when the driver is killed, its shards end, also one that is stopped at that moment.
func TestOrphans_End(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	parent := exec.Command(self, orphans)
	parent.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	var pids [2]int
	_, err = fmt.Fscan(stdout, &pids[0], &pids[1])
	require.NoError(t, parent.Process.Kill())
	require.NoError(t, err)
	require.Error(t, parent.Wait())
	for i, pid := range pids {
		require.Eventually(t, func() bool { return gone(pid) }, calmWait, 10*time.Millisecond, "shard %d, process %d", i, pid)
	}
}

// gone says if a process has ended, whether or not somebody has asked how.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(state, []byte("Z"))
}
