package main

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestRev_TheDSNsAreSwapped at a restart. "A database that holds timestamps above the bound is refused: the directory is lost, or another's": it is another's, is not
// refused, and what home had committed is rolled back on the other shard, for ever.
func TestRev_TheDSNsAreSwapped(t *testing.T) {
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

	b, err = openBank(t.Context(), []string{dsns[1], dsns[0]}, dir, time.Millisecond, 20)
	if err != nil {
		t.Logf("refused: %v", err)
	} else {
		require.NoError(t, b.Close())
	}
	b, err = openBank(t.Context(), dsns, dir, time.Millisecond, 20)
	require.NoError(t, err)
	defer func() { require.NoError(t, b.Close()) }()
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.Strong(), 0, 1))
}

// TestRev_OneDatabaseTwice: two committers write one database, and each other's directory knows nothing of it.
func TestRev_OneDatabaseTwice(t *testing.T) {
	dsn, dir := database(t), t.TempDir()
	b, err := openBank(t.Context(), []string{dsn, dsn}, dir, time.Millisecond, 20)
	if err == nil {
		require.NoError(t, b.Close())
	}
	require.Error(t, err)
}

// TestRev_CloseEnds although a client, with all its patience, waits for a lock in the database.
func TestRev_CloseEnds(t *testing.T) {
	dsn := database(t)
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	b := alone(t, dsn, t.TempDir(), clocks[0])
	holding(t, b, 0, 1)
	direct, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer direct.Close(context.WithoutCancel(t.Context()))
	_, err = direct.Exec(t.Context(), "BEGIN; SELECT FROM account FOR UPDATE")
	require.NoError(t, err)
	done := transferring(context.Background(), b, 0, 1, 10)
	require.Eventually(t, func() bool {
		var waiting int
		err := b.shards[0].pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&waiting)
		return err == nil && waiting == 1
	}, 10*time.Second, 10*time.Millisecond)
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	select {
	case <-closed:
	case <-time.After(15 * time.Second):
		t.Error("Close does not end")
		_, err = direct.Exec(t.Context(), "ROLLBACK")
		require.NoError(t, err)
		<-closed
	}
	<-done
}

// TestRev_ARefusedProcessHarmsNobody: a second process, with another directory, is refused by the bound; but only when it has ended all sessions of the first.
func TestRev_ARefusedProcessHarmsNobody(t *testing.T) {
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn := database(t)
	b := alone(t, dsn, t.TempDir(), clocks[0])
	defer func() { require.NoError(t, b.Close()) }()
	holding(t, b, 0, 1)
	_, err = b.Update(t.Context(), []int64{0}, func(have map[int64]int64) (map[int64]int64, error) {
		_, err := OpenShard(t.Context(), Config{DSN: dsn, Dir: t.TempDir(), Clock: clocks[0]})
		require.ErrorAs(t, err, new(*BoundError))
		return have, nil
	})
	require.NoError(t, err)
}

// TestRev_TheDirectoryKeepsASecondProcessOut of a database (README, "Restarts"): it does not, while nothing is committed there.
func TestRev_TheDirectoryKeepsASecondProcessOut(t *testing.T) {
	clocks, err := leaning(400*time.Millisecond, 400*time.Millisecond, -400*time.Millisecond)
	require.NoError(t, err)
	dsn := database(t)
	b := alone(t, dsn, t.TempDir(), clocks[0])
	defer func() { require.NoError(t, b.Close()) }()
	require.NoError(t, b.Open(t.Context(), []int64{0, 1}))
	read, was, err := b.View(t.Context(), commitwait.Strong(), 0, 1)
	require.NoError(t, err)
	s, err := OpenShard(t.Context(), Config{DSN: dsn, Dir: t.TempDir(), Clock: clocks[1]})
	if err != nil {
		return
	}
	second, err := NewBank(t.Context(), s)
	require.NoError(t, err)
	defer func() { require.NoError(t, second.Close()) }()
	ts, err := second.Update(t.Context(), []int64{0, 1}, func(map[int64]int64) (map[int64]int64, error) {
		return map[int64]int64{0: 7, 1: 7}, nil
	})
	require.NoError(t, err)
	var again map[int64]int64
	require.Eventually(t, func() bool { // the second process has ended its sessions
		_, again, err = b.View(t.Context(), commitwait.At(read), 0, 1)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, was, again, "the snapshot at %v was empty, and the second process has committed at %v", read, ts)
}
