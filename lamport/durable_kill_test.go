package lamport

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// childDir names the directory of a child process.
const childDir = "LAMPORT_TEST_CHILD_DIR"

// TestDurable_Child is the process that the tests below kill: it prints numbers
// until then. As a test of its own it does nothing.
func TestDurable_Child(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("only as a child of other tests")
	}
	d, err := OpenDurable(DurableOptions{Dir: dir, Reserve: 4})
	require.NoError(t, err)
	for {
		n, err := d.Tick(t.Context())
		require.NoError(t, err)
		_, err = fmt.Fprintln(os.Stdout, n)
		require.NoError(t, err)
	}
}

// child starts one; its output ends when it does.
func child(t *testing.T, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	return durabletest.Child(t, "TestDurable_Child", childDir+"="+dir)
}

// TestDurable_SIGKILL kills a process 100 times, at random moments: every other
// time perhaps before it has printed anything, else while it reserves and prints. What it prints
// first after a restart is above all that it printed before.
func TestDurable_SIGKILL(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 100 processes")
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir, highest, printed := t.TempDir(), uint64(0), 0
	deadline := time.Now().Add(30 * time.Second)
	kills := 0
	for ; kills < 100 && time.Now().Before(deadline); kills++ {
		cmd, lines := child(t, dir)
		killAfter := func(most time.Duration) *time.Timer {
			return time.AfterFunc(time.Duration(random.Int64N(int64(most))), func() { _ = cmd.Process.Kill() })
		}
		var killer *time.Timer
		if kills%2 == 0 {
			killer = killAfter(25 * time.Millisecond)
		}
		for ; lines.Scan(); printed++ {
			if killer == nil {
				killer = killAfter(10 * time.Millisecond)
			}
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			require.NoError(t, err, "seed %d: the child says %q", seed, lines.Text())
			require.Greater(t, n, highest, "seed %d, kill %d", seed, kills)
			highest = n
		}
		require.Error(t, cmd.Wait(), "it was killed")
		require.NotNil(t, killer, "seed %d: it ended before it had printed", seed)
		killer.Stop()
	}
	t.Logf("%d kills, %d numbers", kills, printed)
	require.Positive(t, printed)
	d, err := OpenDurable(DurableOptions{Dir: dir, Existing: true})
	require.NoError(t, err)
	require.GreaterOrEqual(t, d.Recovery().Bound, highest)
	require.NoError(t, d.Close())
}

// TestDurable_TwoProcesses: the second is refused for as long as the first one
// lives, and no longer.
func TestDurable_TwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := child(t, dir)
	require.True(t, lines.Scan(), "it has opened the directory")
	_, err := OpenDurable(DurableOptions{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	d, err := OpenDurable(DurableOptions{Dir: dir})
	require.NoError(t, err)
	_, err = OpenDurable(DurableOptions{Dir: dir})
	require.ErrorIs(t, err, ErrLocked, "not in one process either")
	require.NoError(t, d.Close())
}
