package hlc

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

// Environment of a child: its directory, and by how many nanoseconds its clock is wrong.
const childDir, childOffset = "HLC_TEST_CHILD_DIR", "HLC_TEST_CHILD_OFFSET"

// TestDurable_Child is the process that the tests below start: it prints
// timestamps until it is killed. As a test of its own it does nothing.
func TestDurable_Child(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("only as a child of other tests")
	}
	offset, err := strconv.ParseInt(os.Getenv(childOffset), 10, 64)
	require.NoError(t, err)
	clock, err := New(Options{Physical: func() int64 { return time.Now().UnixNano() + offset }, MaxLead: Unlimited})
	require.NoError(t, err)
	d, err := OpenDurable(t.Context(), clock, DurableOptions{Dir: dir, Window: 300 * time.Microsecond})
	require.NoError(t, err)
	for {
		ts, err := d.Now(t.Context())
		require.NoError(t, err)
		_, err = fmt.Fprintf(os.Stdout, "%d %d\n", ts.WallTime, ts.Logical)
		require.NoError(t, err)
	}
}

// child starts one; its output ends when it does.
func child(t *testing.T, dir string, offset time.Duration) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	return durabletest.Child(t, "TestDurable_Child", childDir+"="+dir, fmt.Sprintf("%s=%d", childOffset, offset))
}

// TestDurable_SIGKILL kills a process at 500 random moments, half of them after it
// has begun to print, the others from its start on, and moves its clock back by up to a minute in between. What it
// prints first after a restart is above all that it printed before.
func TestDurable_SIGKILL(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 500 processes")
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	dir, highest, printed, silent := t.TempDir(), Timestamp{}, 0, 0
	deadline := time.Now().Add(55 * time.Second)
	kills := 0
	for ; kills < 500 && time.Now().Before(deadline); kills++ {
		offset := -time.Duration(r.Int64N(int64(time.Minute)))
		cmd, lines := child(t, dir, offset)
		killAfter := func(most time.Duration) *time.Timer {
			return time.AfterFunc(time.Duration(r.Int64N(int64(most))), func() { _ = cmd.Process.Kill() })
		}
		var killer *time.Timer
		if kills%2 == 0 {
			killer = killAfter(25 * time.Millisecond) // in the start, perhaps
		}
		before := printed
		for lines.Scan() {
			if killer == nil {
				killer = killAfter(10 * time.Millisecond) // while it renews its bound
			}
			var ts Timestamp
			if n, err := fmt.Sscanf(lines.Text(), "%d %d", &ts.WallTime, &ts.Logical); n != 2 || err != nil {
				t.Fatalf("seed %d: the child says %q", seed, lines.Text())
			}
			require.True(t, ts.After(highest), "seed %d, kill %d: %v was printed after %v", seed, kills, ts, highest)
			highest = ts
			printed++
		}
		require.Error(t, cmd.Wait(), "it was killed")
		killer.Stop()
		if printed == before {
			silent++
		}
	}
	t.Logf("%d kills, %d timestamps, %d processes killed before their first", kills, printed, silent)
	require.Positive(t, printed)
	state, err := InspectDurable(dir)
	require.NoError(t, err)
	require.NoError(t, state.Damage)
	require.NoError(t, state.Refused)
}

// TestDurable_TwoProcesses: the second is refused for as long as the first one
// lives, and no longer.
func TestDurable_TwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := child(t, dir, 0)
	require.True(t, lines.Scan(), "it has opened the directory")
	clock, err := New(Options{MaxLead: Unlimited})
	require.NoError(t, err)
	_, err = OpenDurable(t.Context(), clock, DurableOptions{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
	_, err = RepairDurable(dir, DurableRepair{Bound: Timestamp{WallTime: 1}, Lower: true})
	require.ErrorIs(t, err, ErrLocked)
	state, err := InspectDurable(dir)
	require.NoError(t, err)
	require.NoError(t, state.Refused, "looking is allowed")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	d, err := OpenDurable(t.Context(), clock, DurableOptions{Dir: dir})
	require.NoError(t, err)
	_, err = OpenDurable(t.Context(), clock, DurableOptions{Dir: dir})
	require.ErrorIs(t, err, ErrLocked, "not in one process either")
	require.NoError(t, d.Close())
}
