package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestLayout_EveryTimestampSortsAsABigint, until 2262.
func TestLayout_EveryTimestampSortsAsABigint(t *testing.T) {
	last, err := packed(layout.Max())
	require.NoError(t, err)
	require.Positive(t, last)
	low, err := packed(hlc.Timestamp{WallTime: 1_000_000_000_000_001_000, Logical: 7})
	require.NoError(t, err)
	require.Equal(t, int64(1_000_000_000_000_001)<<9|7, low)
}

// TestUpdate_NothingIsVisibleBeforeTheTimestampHasPassed: until then the rows are locked and the versions are not there.
func TestUpdate_NothingIsVisibleBeforeTheTimestampHasPassed(t *testing.T) {
	t.Parallel()
	b := opened(t, 2*time.Millisecond)
	holding(t, b, 0, 1)
	checked := 0
	for _, s := range b.shards {
		s.commit = func(ctx context.Context, apply func(context.Context, hlc.Timestamp) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
			return s.committer.Commit(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
				checked++
				for account, s := range b.shards {
					_, err := s.pool.Exec(ctx, "SELECT FROM account WHERE id = $1 FOR UPDATE NOWAIT", account)
					var locked *pgconn.PgError
					require.ErrorAs(t, err, &locked)
					require.Equal(t, "55P03", locked.Code)
					there, err := s.has(ctx, int64(account), ts)
					require.NoError(t, err)
					require.False(t, there)
				}
				now, err := s.clock.Now()
				require.NoError(t, err)
				require.Greater(t, now.EarliestUnixNano(), ts.WallTime)
				return apply(ctx, ts)
			}, floors...)
		}
	}
	for account := range int64(2) {
		ts, err := b.Transfer(t.Context(), account, 1-account, 10)
		require.NoError(t, err)
		for account, s := range b.shards {
			there, err := s.has(t.Context(), int64(account), ts)
			require.NoError(t, err)
			require.True(t, there, "one timestamp on both")
		}
	}
	require.Equal(t, 2, checked)
	quiet(t, b, 0, 1)
}

func (s *Shard) has(ctx context.Context, account int64, ts hlc.Timestamp) (bool, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	return written(ctx, conn.Conn(), account, ts)
}

// TestUpdate_LosesNone: many clients add one to the same accounts, of one shard and of two.
func TestUpdate_LosesNone(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 1, 2)
	const clients, each = 6, 10
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			accounts := [][]int64{{0}, {1, 0}, {2, 1}}[client%3]
			for range each {
				_, err := b.Update(t.Context(), accounts, func(have map[int64]int64) (map[int64]int64, error) {
					for account := range have {
						have[account]++
					}
					return have, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	require.Equal(t, []int64{100 + 4*each, 100 + 4*each, 100 + 2*each}, balances(t, b, commitwait.Strong(), 0, 1, 2))
	quiet(t, b, 0, 1, 2)
}

// TestView_IsOfItsTimestamp, and after the session's last.
func TestView_IsOfItsTimestamp(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 1)
	first, err := b.Transfer(t.Context(), 0, 1, 10)
	require.NoError(t, err)
	second, err := b.Transfer(t.Context(), 1, 0, 50, first)
	require.NoError(t, err)
	require.True(t, second.After(first))
	require.Equal(t, []int64{90, 110}, balances(t, b, commitwait.At(first), 0, 1))
	require.Equal(t, []int64{140, 60}, balances(t, b, commitwait.ExactStaleness(0).AtLeast(second), 0, 1))
	require.Equal(t, []int64{0, 0}, balances(t, b, commitwait.ExactStaleness(time.Hour), 0, 1), "nothing was there")
}

// TestUpdate_WhatIsRefusedIsNotDone, and says why.
func TestUpdate_WhatIsRefusedIsNotDone(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 1, 2)
	_, err := b.Transfer(t.Context(), 0, 2, 101)
	require.True(t, isBroke(err))
	require.ErrorAs(t, err, new(*commitwait.ApplyError))
	for account := range int64(2) {
		_, err = b.Transfer(t.Context(), account, 1-account, 101)
		require.True(t, isBroke(err), "on either side")
	}
	why := errors.New("changed my mind")
	_, err = b.Update(t.Context(), []int64{0, 1}, func(map[int64]int64) (map[int64]int64, error) { return nil, why })
	require.ErrorIs(t, err, why)
	_, err = b.Update(t.Context(), []int64{0, 1}, func(map[int64]int64) (map[int64]int64, error) { return map[int64]int64{0: 1}, nil })
	require.Error(t, err, "what account 1 is to hold was not said")
	_, err = b.Transfer(t.Context(), 0, 99, 1)
	require.Error(t, err, "there is no account 99")
	_, err = b.Transfer(t.Context(), 0, -1, 1)
	require.Error(t, err, "nor account -1")
	_, err = b.Update(t.Context(), nil, nil)
	require.Error(t, err)
	_, _, err = b.View(t.Context(), commitwait.Strong())
	require.Error(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Microsecond)
	defer cancel()
	_, err = b.Transfer(ctx, 0, 1, 1)
	require.Error(t, err)
	require.Equal(t, []int64{100, 100, 100}, balances(t, b, commitwait.Strong(), 0, 1, 2))
	quiet(t, b, 0, 1, 2)
}

// failing has COMMIT on the shard fail with a code when account 0 is to hold 13.
func failing(t testing.TB, s *Shard, code string) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), fmt.Sprintf(`CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.balance = 13 THEN RAISE EXCEPTION 'no' USING ERRCODE = '%s'; END IF; RETURN NULL; END $$;
		DROP TRIGGER IF EXISTS fail ON version;
		CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON version DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`, code))
	require.NoError(t, err)
}

// TestCommit_AnErrorOfCommit: some are a certain no, and after the others that is found out.
func TestCommit_AnErrorOfCommit(t *testing.T) {
	t.Parallel()
	b := opened(t, time.Millisecond)
	holding(t, b, 0, 1)
	for _, code := range []string{"40001", "40P01", "23514", "40003", "P0001", "57014"} {
		failing(t, b.shards[0], code)
		for _, to := range []int64{0, 1} {
			_, err := b.Update(t.Context(), []int64{0, to}, func(map[int64]int64) (map[int64]int64, error) { return map[int64]int64{0: 13, to: 13}, nil })
			var refusal *pgconn.PgError
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, code, refusal.Code)
			require.ErrorAs(t, err, new(*commitwait.ApplyError))
			require.Equal(t, []int64{100, 100}, balances(t, b, commitwait.Strong(), 0, 1))
			quiet(t, b, 0, 1)
		}
	}
}

// TestRefused: what an error of COMMIT says.
func TestRefused(t *testing.T) {
	report := func(severity, code string) error { return &pgconn.PgError{SeverityUnlocalized: severity, Code: code} }
	for name, test := range map[string]struct {
		err error
		is  bool
	}{
		"a conflict":                        {report("ERROR", "40001"), true},
		"a deadlock":                        {fmt.Errorf("more: %w", report("ERROR", "40P01")), true},
		"a constraint that was deferred":    {report("ERROR", "23505"), true},
		"the server says that it is unsure": {report("ERROR", "40003"), false},
		"cancelled, perhaps too late":       {report("ERROR", "57014"), false},
		"the backend was told to end":       {report("FATAL", "57P01"), false},
		"a conflict, and the end":           {report("FATAL", "40001"), false},
		"the server panics":                 {report("PANIC", "XX000"), false},
		"the connection broke":              {io.ErrUnexpectedEOF, false},
		"no answer in time":                 {context.DeadlineExceeded, false},
	} {
		require.Equal(t, test.is, refused(test.err), name)
	}
}

// TestCommit_OfATransactionThatHadFailed is answered without an error.
func TestCommit_OfATransactionThatHadFailed(t *testing.T) {
	t.Parallel()
	b := opened(t, 0)
	holding(t, b, 0)
	x, err := b.shards[0].begin(t.Context(), []int64{0})
	require.NoError(t, err)
	defer x.end()
	_, err = x.conn.Exec(t.Context(), "SELECT 1/0")
	require.Error(t, err)
	_, err = b.shards[0].commit(t.Context(), func(ctx context.Context, _ hlc.Timestamp) error { return x.commit(ctx) })
	require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
	require.ErrorAs(t, err, new(*commitwait.ApplyError))

	_, err = x.conn.Exec(t.Context(), "BEGIN")
	require.NoError(t, err)
	_, err = x.conn.Exec(t.Context(), "SELECT 1/0")
	require.Error(t, err)
	require.ErrorIs(t, (&part{transaction: x}).ask(t.Context()), pgx.ErrTxCommitRollback)
}
