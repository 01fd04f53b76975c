package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestIdentity_SwappedDatabasesAreRefused at a restart, and what home has decided is still done afterwards.
func TestIdentity_SwappedDatabasesAreRefused(t *testing.T) {
	dsns := []string{database(t), database(t)}
	relays := []*relay{through(t, dsns[0]), through(t, dsns[1])}
	dir := t.TempDir()
	b, err := openBank(t.Context(), []string{relays[0].dsn, relays[1].dsn}, dir, time.Millisecond, 20)
	require.NoError(t, err)
	holding(t, b, 0, 1)
	cut := relays[1].trap("COMMIT PREPARED", lost)
	done := transferring(t.Context(), b, 0, 1, 10)
	<-cut
	require.NoError(t, b.Close())
	require.ErrorAs(t, <-done, new(*commitwait.NotYetVisibleError), "it is committed")

	_, err = openBank(t.Context(), []string{dsns[1], dsns[0]}, dir, time.Millisecond, 20)
	require.ErrorAs(t, err, new(*IdentityError))
	b, err = openBank(t.Context(), dsns, dir, time.Millisecond, 20)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.Strong(), 0, 1))
}

// TestIdentity_OneDatabaseTwiceIsRefused: two committers would write it.
func TestIdentity_OneDatabaseTwiceIsRefused(t *testing.T) {
	dsn, dir := database(t), t.TempDir()
	_, err := openBank(t.Context(), []string{dsn, dsn}, dir, time.Millisecond, 20)
	require.ErrorIs(t, err, ErrInUse)
}

// TestIdentity_ARefusedProcessHarmsNobody: a second process, with another directory, is refused before it ends the sessions of the first.
func TestIdentity_ARefusedProcessHarmsNobody(t *testing.T) {
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn := database(t)
	b := alone(t, dsn, t.TempDir(), clocks[0])
	defer func() { require.NoError(t, b.Close()) }()
	holding(t, b, 0, 1)
	_, err = b.Update(t.Context(), []int64{0}, func(have map[int64]int64) (map[int64]int64, error) {
		_, err := OpenShard(t.Context(), Config{DSN: dsn, Dir: t.TempDir(), Clock: clocks[0]})
		require.ErrorIs(t, err, ErrInUse)
		return have, nil
	})
	require.NoError(t, err)
}

// TestIdentity_ASecondProcessIsKeptOut although nothing is committed in the database, and also when the first has ended and its directory is lost.
func TestIdentity_ASecondProcessIsKeptOut(t *testing.T) {
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn := database(t)
	b := alone(t, dsn, t.TempDir(), clocks[0])
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: t.TempDir(), Clock: clocks[0]})
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, b.Close())
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: t.TempDir(), Clock: clocks[0]})
	require.ErrorAs(t, err, new(*IdentityError))
}

// TestIdentity_AnOldCopyOfTheDirectory has the identity, and a bound below what was committed since.
func TestIdentity_AnOldCopyOfTheDirectory(t *testing.T) {
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn, dir, copied := database(t), t.TempDir(), t.TempDir()
	b := alone(t, dsn, dir, clocks[0])
	holding(t, b, 0, 1)
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	for began := time.Now(); time.Since(began) < 3*time.Second; { // more than the bound was ahead
		_, err := b.Transfer(t.Context(), 0, 1, 1)
		require.NoError(t, err)
		_, err = b.Transfer(t.Context(), 1, 0, 1)
		require.NoError(t, err)
	}
	require.NoError(t, b.Close())
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: copied, Clock: clocks[0]})
	require.ErrorAs(t, err, new(*BoundError))
	b = alone(t, dsn, dir, clocks[0])
	require.NoError(t, b.Close())
}
