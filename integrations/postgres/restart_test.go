package main

import (
	"context"
	"maps"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// alone opens a bank of one shard.
func alone(t testing.TB, dsn, dir string, clock *truetime.Clock) *Bank {
	t.Helper()
	s, err := OpenShard(t.Context(), Config{DSN: dsn, Dir: dir, Clock: clock})
	require.NoError(t, err)
	b, err := NewBank(t.Context(), s)
	require.NoError(t, err)
	return b
}

// floorless has the shard begin above something else than what was assigned and read.
func floorless(t testing.TB, s *Shard, floor hlc.Timestamp) {
	t.Helper()
	c, err := commitwait.New(s.clock, nil, commitwait.Options{Layout: layout, Floor: floor})
	require.NoError(t, err)
	s.committer, s.commit = c, c.Commit
}

// TestRestart_WhatWasReadStays, though the clock of the next run is behind by the whole of its interval. It would not if the run began above
// the highest commit only: a snapshot is read above that.
func TestRestart_WhatWasReadStays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin func(*testing.T, *Shard)
		stays bool
	}{
		"above the bound that was kept": {func(*testing.T, *Shard) {}, true},
		"above the highest commit":      {func(t *testing.T, s *Shard) { floorless(t, s, highest(t, s)) }, false},
		"anywhere":                      {func(t *testing.T, s *Shard) { floorless(t, s, hlc.Timestamp{}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, dir := database(t), t.TempDir()
			if test.stays {
				below, stayed := readAndRestart(t, dsn, dir, test.begin)
				require.False(t, below)
				require.True(t, stayed)
				return
			}
			for range 10 { // in case the machine is so slow that the next run begins above all by itself
				if below, stayed := readAndRestart(t, dsn, dir, test.begin); below {
					require.False(t, stayed, "so that this test can fail")
					return
				}
			}
			t.Fatal("the next run never began below what was read")
		})
	}
}

// readAndRestart reads in one run and writes in the next. It says whether the write is below the read, and whether what was read is still so.
func readAndRestart(t *testing.T, dsn, dir string, begin func(*testing.T, *Shard)) (below, stayed bool) {
	const ε = 400 * time.Millisecond // the next run has nearly twice as long to begin and to lock
	clocks, err := leaning(ε, ε, -ε)
	require.NoError(t, err)
	b := alone(t, dsn, dir, clocks[0])
	holding(t, b, 0, 1)
	read, was, err := b.View(t.Context(), commitwait.Strong(), 0, 1)
	require.NoError(t, err)
	require.NoError(t, b.Close())

	b = alone(t, dsn, dir, clocks[1])
	defer func() { require.NoError(t, b.Close()) }()
	begin(t, b.shards[0])
	ts, err := b.Transfer(t.Context(), 0, 1, 10)
	require.NoError(t, err)
	_, again, err := b.View(t.Context(), commitwait.At(read), 0, 1)
	require.NoError(t, err)
	return !ts.After(read), maps.Equal(was, again)
}

func highest(t *testing.T, s *Shard) hlc.Timestamp {
	t.Helper()
	var n uint64
	require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT max(commit_ts) FROM version").Scan(&n))
	ts, err := layout.Unpack(n)
	require.NoError(t, err)
	return ts
}

// TestRestart_EndsWhatTheLastRunLeft: a COMMIT under way there could change what this run reads.
func TestRestart_EndsWhatTheLastRunLeft(t *testing.T) {
	t.Parallel()
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn, dir := database(t), t.TempDir()
	b := alone(t, dsn, dir, clocks[0])
	holding(t, b, 0, 1)
	require.NoError(t, b.Close())

	c, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	c.RuntimeParams["application_name"] = sessions
	old, err := pgx.ConnectConfig(t.Context(), c)
	require.NoError(t, err)
	defer old.Close(context.WithoutCancel(t.Context()))
	_, err = old.Exec(t.Context(), "BEGIN; SELECT FROM account FOR UPDATE; INSERT INTO version VALUES (0, 1, 1)")
	require.NoError(t, err)
	b = alone(t, dsn, dir, clocks[0])
	defer func() { require.NoError(t, b.Close()) }()
	quiet(t, b, 0, 1)
	_, err = old.Exec(t.Context(), "COMMIT")
	require.Error(t, err)
	require.Equal(t, []int64{100, 100}, balances(t, b, commitwait.Strong(), 0, 1))
}

// TestOpen_Refuses what would not keep its promises.
func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	clocks, err := leaning(time.Millisecond, 0)
	require.NoError(t, err)
	dsn, dir := database(t), t.TempDir()
	b := alone(t, dsn, dir, clocks[0])
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: dir, Clock: clocks[0]})
	require.ErrorIs(t, err, hlc.ErrLocked, "a second process")
	require.NoError(t, b.Close())
	_, err = OpenShard(t.Context(), Config{DSN: dsn + " options='-c synchronous_commit=off'", Dir: dir, Clock: clocks[0]})
	require.ErrorContains(t, err, "synchronous_commit is off")
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: filepath.Join(dir, "none"), Clock: clocks[0]})
	require.Error(t, err)
	_, err = OpenShard(t.Context(), Config{DSN: "port=no", Dir: dir, Clock: clocks[0]})
	require.Error(t, err)
	_, err = OpenShard(t.Context(), Config{DSN: dsn, Dir: dir})
	require.Error(t, err, "without a clock")
}

// TestRestart_TheClockOfTheOperatingSystemIsWrong by 5 s, and the shard's own is right. The bound asks the shard's clock only, so
// that a shard that was closed cleanly opens and commits.
func TestRestart_TheClockOfTheOperatingSystemIsWrong(t *testing.T) {
	for name, lean := range map[string]time.Duration{"ahead": -5 * time.Second, "behind": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			clocks, err := leaning(time.Millisecond, lean)
			require.NoError(t, err)
			dsn, dir := database(t), t.TempDir()
			b := alone(t, dsn, dir, clocks[0])
			holding(t, b, 0, 1)
			require.NoError(t, b.Close())
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			s, err := OpenShard(ctx, Config{DSN: dsn, Dir: dir, Clock: clocks[0]})
			require.NoError(t, err)
			b, err = NewBank(t.Context(), s)
			require.NoError(t, err)
			defer func() { require.NoError(t, b.Close()) }()
			_, err = b.Transfer(t.Context(), 0, 1, 10)
			require.NoError(t, err)
		})
	}
}

// TestClose_EndsWhileAClientWaitsForALock: a client, with all its patience, waits for a lock in the database.
func TestClose_EndsWhileAClientWaitsForALock(t *testing.T) {
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
