package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// transaction is one that is open on a shard and holds the locks of its accounts.
type transaction struct {
	shard    *Shard
	conn     *pgxpool.Conn
	id       xact
	accounts []int64
	have     map[int64]int64 // what they hold
}

// xact is how a transaction is found again from another connection.
type xact struct {
	id  string // xid8
	pid uint32 // of its backend
}

// begin opens a transaction, locks accounts, which are sorted, and reads them. End it.
func (s *Shard) begin(ctx context.Context, accounts []int64) (_ *transaction, err error) {
	ctx, cancel := s.whileOpen(ctx)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	x := &transaction{shard: s, conn: conn, accounts: accounts}
	defer func() {
		if err != nil {
			x.end()
		}
	}()
	var locked int64
	var batch pgx.Batch
	// In this level a statement sees what was committed before it began. In the levels above it would see what was committed
	// before the lock was asked for, and the balance of whoever held it would be lost.
	batch.Queue("BEGIN ISOLATION LEVEL READ COMMITTED")
	batch.Queue("SELECT FROM account WHERE id = ANY($1) ORDER BY id FOR UPDATE", accounts).
		Exec(func(tag pgconn.CommandTag) error { locked = tag.RowsAffected(); return nil })
	// Another statement than the lock, for the same reason.
	batch.Queue(balancesAt, int64(math.MaxInt64), accounts).
		Query(func(rows pgx.Rows) (err error) { x.have, err = collect(rows); return err })
	batch.Queue("SELECT pg_current_xact_id()::text").
		QueryRow(func(row pgx.Row) error { return row.Scan(&x.id.id) })
	x.id.pid = conn.Conn().PgConn().PID()
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, err
	}
	if int(locked) != len(accounts) {
		return nil, fmt.Errorf("postgres: of the accounts %v there are %d here", accounts, locked)
	}
	return x, nil
}

// write writes the new versions of its accounts. An error is certain: nothing has asked to commit.
func (x *transaction) write(ctx context.Context, ts hlc.Timestamp, want map[int64]int64) error {
	at, err := packed(ts)
	if err != nil {
		return commitwait.NotApplied(err)
	}
	balances := make([]int64, len(x.accounts))
	for i, account := range x.accounts {
		balances[i] = want[account]
	}
	_, err = x.conn.Exec(ctx, "INSERT INTO version SELECT account, $1, balance FROM unnest($2::bigint[], $3::bigint[]) AS v (account, balance)",
		at, x.accounts, balances)
	return commitwait.NotApplied(err)
}

// commit sends COMMIT. The timestamp has passed, so that whoever sees the versions from now on, or gets the locks, comes later.
func (x *transaction) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.shard.patience)
	defer cancel()
	tag, err := x.conn.Exec(ctx, "COMMIT")
	switch {
	case err != nil && refused(err):
		return commitwait.NotApplied(err)
	case err == nil && tag.String() == "ROLLBACK": // the answer for a transaction that had failed before
		return commitwait.NotApplied(pgx.ErrTxCommitRollback)
	}
	return err
}

// refused says that an error of COMMIT is a certain no: the server reports a violated constraint or a conflict. A FATAL is
// none: a backend can be told to end after it has committed. Nor is anything else, which can be found out as well as believed: see
// Shard.outcome. (pgconn.SafeToRetry says yes, in v5.12, when the connection breaks after COMMIT was sent.)
func refused(err error) bool {
	const completionUnknown = "40003"
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR" && e.Code != completionUnknown &&
		(strings.HasPrefix(e.Code, "23") || strings.HasPrefix(e.Code, "40"))
}

// end rolls back what is not committed or prepared, and gives the connection back. It may be called again.
func (x *transaction) end() {
	if x.conn == nil {
		return
	}
	if status := x.conn.Conn().PgConn().TxStatus(); status != 'I' && !x.conn.Conn().IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), x.shard.patience)
		_, _ = x.conn.Exec(ctx, "ROLLBACK") // or the pool closes the connection, which does it too
		cancel()
	}
	x.conn.Release()
	x.conn = nil
}

// sorted returns accounts in order, each once.
func sorted(accounts []int64) []int64 {
	accounts = slices.Clone(accounts)
	slices.Sort(accounts)
	return slices.Compact(accounts)
}

// isBroke says that an account would hold less than nothing.
func isBroke(err error) bool {
	const checkViolation = "23514"
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == checkViolation
}
