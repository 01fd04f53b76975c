package fencing

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

	"github.com/trueclock/trueclock/internal/durable"
	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// Environment of a child: its directory, and at which sync of the directory it says so and stands still; "0" if at none.
const childDir, childStop = "FENCING_TEST_CHILD_DIR", "FENCING_TEST_CHILD_STOP"

// standing is a directory that stands still when a sync of it is over: the maximum is durable, and nobody was told.
type standing struct {
	durable.Directory
	left int
}

func (d *standing) Sync() error {
	err := d.Directory.Sync()
	if d.left--; d.left == 0 {
		fmt.Println("durable")
		select {} // until it is killed
	}
	return err
}

// TestRegister_Child is the process that the tests below kill: it prints each token that the register said yes to. As a
// test of its own it does nothing.
func TestRegister_Child(t *testing.T) {
	path := os.Getenv(childDir)
	if path == "" {
		t.Skip("only as a child of other tests")
	}
	stop, err := strconv.Atoi(os.Getenv(childStop))
	require.NoError(t, err)
	dir, err := durable.Open(path, false)
	require.NoError(t, err)
	r, err := open(&standing{dir, stop}, Options{})
	require.NoError(t, err)
	for token := r.Highest("file") + 1; ; token++ {
		require.NoError(t, r.Check(t.Context(), "file", token))
		fmt.Println(token)
	}
}

func child(t *testing.T, dir string, stop int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	return durabletest.Child(t, "TestRegister_Child", childDir+"="+dir, fmt.Sprint(childStop, "=", stop))
}

// TestRegister_SIGKILL kills a storage 100 times: half of them when the maximum is durable and nobody was told so, in one of its
// two copies or in both, half at random. After each a new run refuses what is below the highest token that was said yes to.
func TestRegister_SIGKILL(t *testing.T) {
	if testing.Short() {
		t.Skip("starts 100 processes")
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dir, said, between, unheard := t.TempDir(), Token(0), 0, 0
	n := 100
	if raced {
		n = 30
	}
	for kills := range n {
		stop := 0
		if kills%2 == 0 {
			stop = 4 + random.IntN(12) // a start syncs three times
		}
		cmd, lines := child(t, dir, stop)
		var killer *time.Timer
		for lines.Scan() {
			if lines.Text() == "durable" {
				between++
				require.NoError(t, cmd.Process.Kill())
				continue
			}
			if stop == 0 && killer == nil {
				killer = time.AfterFunc(time.Duration(random.Int64N(int64(10*time.Millisecond))), func() { _ = cmd.Process.Kill() })
			}
			token, err := Parse(lines.Text())
			require.NoError(t, err, "seed %d", seed)
			require.Greater(t, token, said, "seed %d, kill %d", seed, kills)
			said = token
		}
		require.Error(t, cmd.Wait(), "it was killed")
		if killer != nil {
			killer.Stop()
		}
		r, err := Open(Options{Dir: dir, Existing: true})
		require.NoError(t, err)
		highest := r.Highest("file")
		require.GreaterOrEqual(t, highest, said, "seed %d, kill %d: a maximum that was said yes to is forgotten", seed, kills)
		if highest > said {
			unheard++
			said = highest // it is in force now
		}
		if said > 1 {
			require.ErrorAs(t, r.Check(t.Context(), "file", said-1), new(*StaleError), "seed %d, kill %d", seed, kills)
		}
		require.NoError(t, r.Close())
	}
	t.Logf("%d kills up to token %v, %d of them between durable and said; %d maxima that nobody had heard of", n, said, between, unheard)
	require.Equal(t, n/2, between)
	require.Positive(t, unheard)
}

// TestRegister_TwoProcesses: the second is refused for as long as the first one lives, and no longer.
func TestRegister_TwoProcesses(t *testing.T) {
	dir := t.TempDir()
	cmd, lines := child(t, dir, 0)
	require.True(t, lines.Scan(), "it has opened the directory")
	_, err := Open(Options{Dir: dir})
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	r, err := Open(Options{Dir: dir})
	require.NoError(t, err)
	_, err = Open(Options{Dir: dir})
	require.ErrorIs(t, err, ErrLocked, "not in one process either")
	require.NoError(t, r.Close())
}
