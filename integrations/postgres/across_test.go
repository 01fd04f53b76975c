package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestAcross_EachStatementFails: wherever a transfer over two shards is cut, in either direction, it is done on both or on none, and the client hears
// which. The account at home is on the shard behind relay 0.
func TestAcross_EachStatementFails(t *testing.T) {
	t.Parallel()
	b, relays := relayed(t, database(t), database(t))
	held := int64(100)
	for _, test := range []struct {
		statement string
		relay     int
		fate      fate
		done      bool
	}{
		{"PREPARE TRANSACTION", 1, lost, false},
		{"PREPARE TRANSACTION", 1, dropped, false},
		{"PREPARE TRANSACTION", 1, unheard, false},
		{"COMMIT", 0, lost, false},
		{"COMMIT", 0, dropped, false},
		{"COMMIT", 0, unheard, true},
		{"COMMIT PREPARED", 1, lost, true},
		{"COMMIT PREPARED", 1, dropped, true},
		{"COMMIT PREPARED", 1, unheard, true},
	} {
		name := fmt.Sprint(test.statement, ": ", test.fate)
		before, was, err := b.View(t.Context(), commitwait.Strong(), 0, 1)
		require.NoError(t, err)
		cut := relays[test.relay].trap(test.statement, test.fate)
		done := transferring(t.Context(), b, 0, 1, 10)
		<-cut
		if test.done {
			blocked(t, b, 1)
		}
		relays[test.relay].mend()
		got := <-done
		if test.done {
			held -= 10
			require.NoError(t, got, name)
		} else {
			require.ErrorAs(t, got, new(*commitwait.ApplyError), name)
		}
		require.Equal(t, []int64{held, 200 - held}, balances(t, b, commitwait.Strong(), 0, 1), name)
		_, again, err := b.View(t.Context(), commitwait.At(before), 0, 1)
		require.NoError(t, err)
		require.Equal(t, was, again, name)
		quiet(t, b, 0, 1, 2, 3)
	}
}

// TestAcross_APoolFullOfWaiters for the locks of what is prepared does not keep that from being committed.
func TestAcross_APoolFullOfWaiters(t *testing.T) {
	t.Parallel()
	b, err := openBank(t.Context(), []string{database(t) + " pool_max_conns=2", database(t) + " pool_max_conns=2"}, t.TempDir(), time.Millisecond, 2)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	holding(t, b, 0, 1, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var work sync.WaitGroup
	for client := range 6 {
		work.Go(func() {
			for range 10 {
				if _, err := b.Transfer(ctx, int64(client%2*3), 1, 1); err != nil { // from 0 across, or from 3 beside it
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	quiet(t, b, 0, 1, 3)
}

// TestAcross_NobodySeesHalf: between the COMMIT at home and that of the other shard, a snapshot of both waits.
func TestAcross_NobodySeesHalf(t *testing.T) {
	t.Parallel()
	b, relays := relayed(t, database(t), database(t))
	ctx, leave := context.WithCancel(t.Context())
	cut := relays[1].trap("COMMIT PREPARED", lost)
	done := transferring(ctx, b, 0, 1, 10)
	<-cut
	require.Equal(t, []int64{90}, balances(t, b, commitwait.Strong(), 0), "home alone shows it")
	for from := range b.shards {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, _, err := b.ViewFrom(ctx, from, commitwait.Strong(), 0, 1)
		require.ErrorAs(t, err, new(*truetime.WaitError))
		cancel()
	}
	leave()
	require.ErrorAs(t, <-done, new(*commitwait.NotYetVisibleError), "it is committed, and not to be acknowledged")
	relays[1].mend()
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.Strong(), 0, 1))
	quiet(t, b, 0, 1)
}

// TestAcross_ARestartSettlesWhatIsInDoubt: the process ends between the PREPARE of one shard and what follows. The next one looks up what home has decided.
func TestAcross_ARestartSettlesWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		relay     int
		statement string
		fate      fate
		done      bool
	}{
		{"home has not decided", 0, "COMMIT", lost, false},
		{"home does not know yet that nobody is left", 0, "COMMIT", dropped, false},
		{"home has decided, and nobody has heard", 0, "COMMIT", unheard, true},
		{"home has decided, and the other shard has not heard", 1, "COMMIT PREPARED", lost, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dsns := []string{database(t), database(t)}
			relays := []*relay{through(t, dsns[0]), through(t, dsns[1])}
			dir := t.TempDir()
			b, err := openBank(t.Context(), []string{relays[0].dsn, relays[1].dsn}, dir, time.Millisecond, 20)
			require.NoError(t, err)
			holding(t, b, 0, 1)
			before, was, err := b.View(t.Context(), commitwait.Strong(), 0, 1)
			require.NoError(t, err)
			cut := relays[test.relay].trap(test.statement, test.fate)
			done := transferring(t.Context(), b, 0, 1, 10)
			<-cut
			require.NoError(t, b.Close())
			require.Error(t, <-done)

			direct, err := pgx.Connect(t.Context(), dsns[1])
			require.NoError(t, err)
			var prepared int
			require.NoError(t, direct.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()").Scan(&prepared))
			require.NoError(t, direct.Close(t.Context()))
			require.Equal(t, 1, prepared)

			b, err = openBank(t.Context(), dsns, dir, time.Millisecond, 20)
			require.NoError(t, err)
			defer func() { require.NoError(t, b.Close()) }()
			want := []int64{100, 100}
			if test.done {
				want = []int64{90, 110}
			}
			require.Equal(t, want, balances(t, b, commitwait.Strong(), 0, 1))
			_, again, err := b.View(t.Context(), commitwait.At(before), 0, 1)
			require.NoError(t, err)
			require.Equal(t, was, again)
			quiet(t, b, 0, 1)
		})
	}
}

// TestAcross_WhatIsDecidedAndGoneIsAnError: somebody has rolled back by hand what home had decided to commit. Half of it is lost, and is not covered up.
func TestAcross_WhatIsDecidedAndGoneIsAnError(t *testing.T) {
	t.Parallel()
	b, relays := relayed(t, database(t), database(t))
	cut := relays[1].trap("COMMIT PREPARED", lost)
	done := transferring(t.Context(), b, 0, 1, 10)
	<-cut
	c, err := pgx.ParseConfig(relays[1].dsn)
	require.NoError(t, err)
	s, err := server()
	require.NoError(t, err)
	direct, err := pgx.Connect(t.Context(), s.DSN(c.Database))
	require.NoError(t, err)
	defer direct.Close(t.Context())
	var name string
	require.NoError(t, direct.QueryRow(t.Context(), "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()").Scan(&name))
	_, err = direct.Exec(t.Context(), fmt.Sprintf("ROLLBACK PREPARED '%s'", name))
	require.NoError(t, err)
	relays[1].mend()
	got := <-done
	require.ErrorIs(t, got, errImpossible)
	require.ErrorAs(t, got, new(*commitwait.NotYetVisibleError))
	blocked(t, b, 1)
}
