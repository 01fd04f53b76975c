package badgerstore

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestOpen_BeginsAbove all that was committed and read before, though the clock is behind now and a snapshot was ahead of it.
func TestOpen_BeginsAbove(t *testing.T) {
	const ahead, behind = 400 * time.Millisecond, 450 * time.Millisecond
	dir := t.TempDir()
	s := opened(t, dir, ε, Options{})
	committed := put(t, s, "k", "a")
	future := hlc.Timestamp{WallTime: time.Now().Add(ahead).UnixNano()}
	read, value := get(t, s, commitwait.At(future), "k")
	require.Equal(t, "a", value)
	require.NoError(t, s.Close())

	s = opened(t, dir, -behind, Options{})
	again := put(t, s, "k", "b")
	require.True(t, again.After(committed))
	require.True(t, again.After(read), "%v is in a snapshot at %v that was served", again, read)
	_, value = get(t, s, commitwait.At(read), "k")
	require.Equal(t, "a", value, "what was read stays so")
	_, value = get(t, s, commitwait.ExactStaleness(0).AtLeast(again), "k")
	require.Equal(t, "b", value)
}

// TestOpen_MissesNothing of the time before: an Update reads what was committed by the last run, though nobody
// remembers its conflicts.
func TestOpen_MissesNothing(t *testing.T) {
	dir := t.TempDir()
	for i := range 4 {
		s := opened(t, dir, 0, Options{})
		_, err := s.Update(t.Context(), func(txn *Txn) error {
			value, err := read(txn, "count")
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(value)
			require.Equal(t, i, n)
			return set("count", strconv.Itoa(n+1))(txn)
		})
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
}

// TestOpen_AfterAKill that came between the creation of a file of Badger and its first byte, or between the last byte of a file and its removal.
func TestOpen_AfterAKill(t *testing.T) {
	for _, name := range []string{"00009.mem", "000009.vlog"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a [directory")
			require.NoError(t, os.Mkdir(dir, 0o700))
			s := opened(t, dir, 0, Options{})
			put(t, s, "k", "acknowledged")
			require.NoError(t, s.Close())
			require.NoError(t, os.WriteFile(filepath.Join(dir, "data", name), nil, 0o600))
			s = opened(t, dir, 0, Options{})
			_, value := get(t, s, commitwait.Strong(), "k")
			require.Equal(t, "acknowledged", value)
		})
	}
}

// TestOpen_Refuses what could not be right.
func TestOpen_Refuses(t *testing.T) {
	dir := t.TempDir()
	clock := leaning(t, 0)
	s := opened(t, dir, 0, Options{})
	_, err := Open(t.Context(), dir, clock, Options{})
	require.ErrorIs(t, err, hlc.ErrLocked, "somebody has it")
	put(t, s, "k", "a")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice does no harm")

	_, err = Open(t.Context(), filepath.Join(dir, "nothing"), clock, Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.Context(), dir, nil, Options{})
	require.Error(t, err)
	_, err = Open(t.Context(), dir, clock, Options{History: -1})
	require.Error(t, err)
	_, err = Open(t.Context(), dir, clock, Options{MaxWait: -1})
	require.Error(t, err)
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	_, err = Open(t.Context(), dir, truetime.New(local, truetime.Options{}), Options{})
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)

	require.NoError(t, os.RemoveAll(filepath.Join(dir, "clock")))
	_, err = Open(t.Context(), dir, clock, Options{})
	require.ErrorIs(t, err, hlc.ErrNoState, "its timestamps could come again")
}

// TestClose_WaitsForItsUsers and lets nobody in any more.
func TestClose_WaitsForItsUsers(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{})
	put(t, s, "k", "a")
	inside, closed := make(chan struct{}), make(chan error)
	go func() {
		<-inside
		closed <- s.Close()
	}()
	_, err := s.View(t.Context(), commitwait.Strong(), func(txn *Txn) error {
		close(inside)
		require.Eventually(t, func() bool {
			_, err := s.View(context.WithoutCancel(t.Context()), commitwait.Strong(), func(*Txn) error { return nil })
			return err == commitwait.ErrClosed
		}, 10*time.Second, time.Millisecond)
		value, err := read(txn, "k")
		require.Equal(t, "a", value, "it ends when it likes")
		return err
	})
	require.NoError(t, err)
	require.NoError(t, <-closed)
	_, err = s.Update(t.Context(), set("k", "b"))
	require.ErrorIs(t, err, commitwait.ErrClosed)
	require.ErrorIs(t, s.Discard(), commitwait.ErrClosed)
}
