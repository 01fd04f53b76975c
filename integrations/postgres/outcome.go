package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/trueclock/trueclock/hlc"
)

// settle finds out what became of a COMMIT that was not answered, however long that takes, and tells the Committer.
func (x *transaction) settle(ts hlc.Timestamp) (applied bool, err error) {
	s := x.shard
	err = s.insist(func(ctx context.Context) (err error) {
		applied, err = s.outcome(ctx, x.id, x.accounts[0], ts)
		return err
	})
	if err != nil {
		return false, err
	}
	return applied, s.committer.Resolve(s.closing, ts, applied)
}

// insist calls try until it succeeds, the shard closes, or the error is for ever: errImpossible.
func (s *Shard) insist(try func(ctx context.Context) error) error {
	const shortest, longest = 5 * time.Millisecond, time.Second
	for pause := shortest; ; pause = min(2*pause, longest) {
		ctx, cancel := context.WithTimeout(s.closing, s.patience)
		err := try(ctx)
		cancel()
		if err == nil || s.closing.Err() != nil || errors.Is(err, errImpossible) {
			return err
		}
		select {
		case <-s.closing.Done():
		case <-time.After(pause):
		}
	}
}

var errImpossible = errors.New("postgres: the database contradicts itself")

// aside runs work that goes on if its client leaves, and returns what it does, or the error of ctx.
func (s *Shard) aside(ctx context.Context, work func() (bool, error)) (bool, error) {
	type result struct {
		is  bool
		err error
	}
	done := make(chan result, 1)
	s.mu.Lock()
	if s.closing.Err() != nil {
		s.mu.Unlock()
		return work() // which gives up at once
	}
	s.work.Go(func() {
		is, err := work()
		done <- result{is, err}
	})
	s.mu.Unlock()
	select {
	case r := <-done:
		return r.is, r.err
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// outcome finds out, from a connection of its own, whether a transaction whose COMMIT was not answered is committed at ts. It
// first makes sure that the transaction is over. Then its version is there or not, which says more than its status: after
// a crash an id that never reached the disk may be another transaction's, and a timestamp never is.
func (s *Shard) outcome(ctx context.Context, x xact, account int64, ts hlc.Timestamp) (committed bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	status, err := over(ctx, conn, x)
	if err != nil {
		return false, err
	}
	if committed, err = written(ctx, conn, account, ts); err != nil {
		return false, err
	}
	if committed && status == "aborted" {
		return false, fmt.Errorf("%w: transaction %s is aborted, and its version at %v is there", errImpossible, x.id, ts)
	}
	return committed, nil
}

// over returns the status of a transaction that is no longer in progress: committed, aborted, or "" if the server has forgotten
// it. It ends the backend that is still at it: perhaps that waits for a client that it does not know to be gone.
func over(ctx context.Context, conn *pgx.Conn, x xact) (string, error) {
	status, err := statusOf(ctx, conn, x)
	if err != nil || status != inProgress {
		return status, err
	}
	if err := endBackend(ctx, conn, x); err != nil {
		return "", err
	}
	if status, err = statusOf(ctx, conn, x); err == nil && status == inProgress {
		err = fmt.Errorf("postgres: transaction %s does not end", x.id)
	}
	return status, err
}

const inProgress = "in progress"

// endBackend returns when no backend is at the transaction.
func endBackend(ctx context.Context, conn *pgx.Conn, x xact) error {
	const patience = 5000 // ms
	var left int
	err := conn.QueryRow(ctx, `SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, $3)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid = $1 AND backend_xid = $2::text::xid8::xid`, int32(x.pid), x.id, patience).Scan(&left)
	if err == nil && left > 0 {
		err = fmt.Errorf("postgres: the backend of transaction %s does not end", x.id)
	}
	return err
}

// statusOf is what the server says of a transaction.
func statusOf(ctx context.Context, conn *pgx.Conn, x xact) (string, error) {
	const future = "22023" // an id that was not given yet: a crash took it back
	var status *string
	err := conn.QueryRow(ctx, "SELECT pg_xact_status($1::text::xid8)", x.id).Scan(&status)
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == future:
		return "", nil
	case err != nil || status == nil:
		return "", err
	}
	return *status, nil
}

// written says whether there is a version of the account at ts: whether the transaction that was to write it is committed, if
// it is over.
func written(ctx context.Context, conn *pgx.Conn, account int64, ts hlc.Timestamp) (there bool, err error) {
	at, err := packed(ts)
	if err != nil {
		return false, err
	}
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM version WHERE account = $1 AND commit_ts = $2)", account, at).Scan(&there)
	return there, err
}
