package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// relayed opens a bank of two shards, each behind a relay, with accounts 0 to 3.
func relayed(t testing.TB, dsns ...string) (*Bank, []*relay) {
	t.Helper()
	relays := make([]*relay, len(dsns))
	for i, dsn := range dsns {
		relays[i] = through(t, dsn)
	}
	b, err := openBank(t.Context(), []string{relays[0].dsn, relays[1].dsn}, t.TempDir(), time.Millisecond, 20)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	holding(t, b, 0, 1, 2, 3)
	return b, relays
}

// transferring starts a transfer, and says what came of it.
func transferring(ctx context.Context, b *Bank, from, to, amount int64) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := b.Transfer(ctx, from, to, amount)
		done <- err
	}()
	return done
}

// blocked: a fresh snapshot of the account is not served, since a commit is in flight.
func blocked(t testing.TB, b *Bank, account int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	_, _, err := b.View(ctx, commitwait.Strong(), account)
	require.ErrorAs(t, err, new(*truetime.WaitError))
}

// TestOutcome_TheConnectionBreaksDuringCommit: the transaction is done or not, the client hears which, and until that is known no
// snapshot is served that it could appear in.
func TestOutcome_TheConnectionBreaksDuringCommit(t *testing.T) {
	t.Parallel()
	b, relays := relayed(t, database(t), database(t))
	held := int64(100)
	for fate, applied := range map[fate]bool{lost: false, dropped: false, unheard: true} {
		before, was, err := b.View(t.Context(), commitwait.Strong(), 0, 2)
		require.NoError(t, err)
		cut := relays[0].trap("COMMIT", fate)
		done := transferring(t.Context(), b, 0, 2, 10)
		<-cut
		blocked(t, b, 0)
		require.Equal(t, 1, b.shards[0].committer.Stats().InFlight, fate)
		_, err = b.shards[0].committer.Snapshot(t.Context(), commitwait.At(before))
		require.NoError(t, err, "below it nobody waits")
		relays[0].mend()
		got := <-done
		if applied {
			held -= 10
			require.NoError(t, got, fate)
		} else {
			require.ErrorAs(t, got, new(*commitwait.ApplyError), fate)
		}
		require.Equal(t, []int64{held, 200 - held}, balances(t, b, commitwait.Strong(), 0, 2), fate)
		_, again, err := b.View(t.Context(), commitwait.At(before), 0, 2)
		require.NoError(t, err)
		require.Equal(t, was, again)
		quiet(t, b, 0, 1, 2, 3)
	}
}

// TestOutcome_TheVersionSaysMoreThanTheStatus: an id that a crash took back may be another transaction's, or nobody's yet; the server may have forgotten it.
func TestOutcome_TheVersionSaysMoreThanTheStatus(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 2)
	s := b.shards[0]
	ts, err := b.Transfer(t.Context(), 0, 2, 10)
	require.NoError(t, err)
	never, err := ts.Next()
	require.NoError(t, err)
	var another, lost string
	require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT pg_current_xact_id()::text").Scan(&another))
	x, err := s.begin(t.Context(), []int64{0})
	require.NoError(t, err)
	lost = x.id.id
	x.end()
	for name, test := range map[string]struct {
		id   string
		ts   hlc.Timestamp
		is   bool
		fail error
	}{
		"another's, which is committed":   {another, never, false, nil},
		"nobody's, and the version there": {"18446744073709551615", ts, true, nil},
		"nobody's, and none":              {"18446744073709551615", never, false, nil},
		"forgotten, and the version":      {"3", ts, true, nil},
		"aborted":                         {lost, never, false, nil},
		"aborted, and the version there":  {lost, ts, false, errImpossible},
	} {
		is, err := s.outcome(t.Context(), xact{id: test.id}, 0, test.ts)
		require.ErrorIs(t, err, test.fail, name)
		require.Equal(t, test.is, is, name)
	}
}

// TestOutcome_TheClientLeaves before it is known: it is told so, and it is found out without it.
func TestOutcome_TheClientLeaves(t *testing.T) {
	t.Parallel()
	b, relays := relayed(t, database(t), database(t))
	ctx, leave := context.WithCancelCause(t.Context())
	cut := relays[0].trap("COMMIT", unheard)
	done := transferring(ctx, b, 0, 2, 10)
	<-cut
	gone := errors.New("gone")
	leave(gone)
	got := <-done
	require.ErrorAs(t, got, new(*commitwait.OutcomeUnknownError))
	require.ErrorIs(t, got, gone)
	blocked(t, b, 0)
	relays[0].mend()
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.Strong(), 0, 2), "the snapshot waits for it")
	quiet(t, b, 0, 2)
}

// TestOutcome_TheBackendIsEndedBeforeItHasCommitted, while COMMIT checks what was deferred.
func TestOutcome_TheBackendIsEndedBeforeItHasCommitted(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 2)
	release := hangingCommit(t, b.shards[0])
	defer release()
	done := transferring(t.Context(), b, 0, 2, 10)
	endTheOneThat(t, b.shards[0], "wait_event_type = 'Lock'")
	require.ErrorAs(t, <-done, new(*commitwait.ApplyError))
	require.Equal(t, []int64{100, 100}, balances(t, b, commitwait.Strong(), 0, 2))
	quiet(t, b, 0, 2)
}

// hangingCommit has COMMIT on the shard wait, before it commits, until it is released.
func hangingCommit(t testing.TB, s *Shard) (release func()) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), `CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER hang AFTER INSERT ON version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hang()`)
	require.NoError(t, err)
	conn, err := pgx.ConnectConfig(t.Context(), withoutName(s.config))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "SELECT pg_advisory_lock(7)")
	require.NoError(t, err)
	return func() { _ = conn.Close(context.WithoutCancel(t.Context())) }
}

// withoutName is not one of the shard's sessions.
func withoutName(c *pgx.ConnConfig) *pgx.ConnConfig {
	c = c.Copy()
	c.RuntimeParams["application_name"] = "test"
	return c
}

// endTheOneThat ends the shard's backend for which a condition holds, as soon as it does.
func endTheOneThat(t testing.TB, s *Shard, condition string) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), withoutName(s.config))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.Eventually(t, func() bool {
		var ended int
		err := conn.QueryRow(t.Context(), fmt.Sprintf(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = $1 AND %s`, condition), sessions).Scan(&ended)
		return err == nil && ended == 1
	}, 30*time.Second, 10*time.Millisecond)
}

// TestOutcome_OnAServerOfItsOwn, whose settings are changed, and which crashes.
func TestOutcome_OnAServerOfItsOwn(t *testing.T) {
	t.Parallel()
	s, err := NewServer(t.Context())
	needed(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	for _, name := range []string{"a", "b"} {
		require.NoError(t, s.Create(t.Context(), name))
	}
	b, relays := relayed(t, s.DSN("a"), s.DSN("b"))
	held := int64(100)
	t.Run("the backend is ended after it has committed", func(t *testing.T) {
		endedAfterItHasCommitted(t, b)
		held -= 10
	})
	t.Run("the server crashes after it has committed", func(t *testing.T) {
		require.NoError(t, crashed(t, s, b, relays[0], unheard))
		held -= 10
		require.Equal(t, []int64{held, 200 - held}, balances(t, b, commitwait.Strong(), 0, 2))
	})
	t.Run("the server crashes before", func(t *testing.T) {
		require.ErrorAs(t, crashed(t, s, b, relays[0], dropped), new(*commitwait.ApplyError))
		require.Equal(t, []int64{held, 200 - held}, balances(t, b, commitwait.Strong(), 0, 2))
	})
}

// endedAfterItHasCommitted ends the backend of a transfer while it waits for a standby that is not there. What it says then is that it
// ends, and not that it has committed.
func endedAfterItHasCommitted(t *testing.T, b *Bank) {
	set := func(standby string) {
		_, err := b.shards[0].pool.Exec(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = '"+standby+"'")
		require.NoError(t, err)
		_, err = b.shards[0].pool.Exec(t.Context(), "SELECT pg_reload_conf()")
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			var now string
			err := b.shards[0].pool.QueryRow(t.Context(), "SHOW synchronous_standby_names").Scan(&now)
			return err == nil && now == standby
		}, 30*time.Second, 10*time.Millisecond)
	}
	set("absent")
	done := transferring(t.Context(), b, 0, 2, 10)
	endTheOneThat(t, b.shards[0], "wait_event = 'SyncRep'")
	require.NoError(t, <-done)
	set("")
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.Strong(), 0, 2))
	quiet(t, b, 0, 2)
}

// crashed has the server crash when COMMIT has met its fate, start again, and returns what the client hears.
func crashed(t *testing.T, s *Server, b *Bank, r *relay, f fate) error {
	cut := r.trap("COMMIT", f)
	done := transferring(t.Context(), b, 0, 2, 10)
	<-cut
	require.NoError(t, s.Crash())
	require.NoError(t, s.Start(t.Context()))
	r.mend()
	err := <-done
	require.Eventually(t, func() bool { // the pool learns one by one that its connections are dead
		_, _, err := b.View(t.Context(), commitwait.Strong(), 0, 1)
		return err == nil
	}, 30*time.Second, time.Millisecond)
	return err
}
