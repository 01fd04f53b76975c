package lamport

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childFile names the file of a child process.
const childFile = "LAMPORT_TEST_CHILD_FILE"

// TestDurable_Child is the process that the test below kills: it prints numbers
// until then. As a test of its own it does nothing.
func TestDurable_Child(t *testing.T) {
	path := os.Getenv(childFile)
	if path == "" {
		t.Skip("only as a child of TestDurable_SIGKILL")
	}
	store, err := OpenFile(path)
	require.NoError(t, err)
	c, err := OpenDurable(store, DurableOptions{Reserve: 4})
	require.NoError(t, err)
	for {
		n, err := c.Tick(t.Context())
		require.NoError(t, err)
		_, err = fmt.Fprintln(os.Stdout, n)
		require.NoError(t, err)
	}
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
	path, highest, printed := filepath.Join(t.TempDir(), "clock"), uint64(0), 0
	deadline := time.Now().Add(30 * time.Second)
	kills := 0
	for ; kills < 100 && time.Now().Before(deadline); kills++ {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDurable_Child$", "-test.count=1")
		cmd.Env = append(os.Environ(), childFile+"="+path)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		killAfter := func(most time.Duration) *time.Timer {
			return time.AfterFunc(time.Duration(random.Int64N(int64(most))), func() { _ = cmd.Process.Kill() })
		}
		var killer *time.Timer
		if kills%2 == 0 {
			killer = killAfter(25 * time.Millisecond)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); printed++ {
			if killer == nil {
				killer = killAfter(10 * time.Millisecond)
			}
			n, err := strconv.ParseUint(lines.Text(), 10, 64)
			require.NoError(t, err, "seed %d: the child says %q", seed, lines.Text())
			require.Greater(t, n, highest, "seed %d, kill %d", seed, kills)
			highest = n
		}
		require.Error(t, cmd.Wait(), "it was killed")
		if killer != nil {
			killer.Stop()
		}
	}
	t.Logf("%d kills, %d numbers", kills, printed)
	require.Positive(t, printed)
	b, err := bound(t, path)
	require.NoError(t, err)
	require.GreaterOrEqual(t, b, highest)
}
