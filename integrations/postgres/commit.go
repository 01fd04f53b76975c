package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// commit commits one transaction at one timestamp, which lies above the votes of the other shards, if there are any. When it has
// passed, they prepare, and then COMMIT at home decides: it is durable when it is answered. So home itself needs no PREPARE, and
// the version that it writes is the record of the decision.
func commit(ctx context.Context, home *transaction, others []*transaction, want map[int64]int64, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	parts, floors, err := votes(ctx, others, floors)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	ts, err := home.shard.commit(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
		for _, p := range parts {
			if err := p.prepare(ctx, ts, home, want); err != nil {
				return err
			}
		}
		if err := home.write(ctx, ts, want); err != nil {
			return err
		}
		return home.commit(ctx)
	}, floors...)
	home.end()
	return conclude(ctx, home, parts, ts, err)
}

// votes asks the other shards, whose locks are held.
func votes(ctx context.Context, others []*transaction, floors []hlc.Timestamp) ([]*part, []hlc.Timestamp, error) {
	var parts []*part
	floors = floors[:len(floors):len(floors)]
	for _, x := range others {
		vote, err := x.shard.committer.Prepare(ctx, floors...)
		if err != nil {
			for _, p := range parts {
				err = errors.Join(err, p.vote.Abort())
			}
			return nil, nil, err
		}
		parts = append(parts, &part{transaction: x, vote: vote})
		floors = append(floors, vote.TS())
	}
	return parts, floors, nil
}

// conclude has the other shards carry out what was decided at home, given what Commit returned there; if that is unknown it finds out
// first. If ctx ends before, all that goes on, with the connections of the parts.
func conclude(ctx context.Context, home *transaction, parts []*part, ts hlc.Timestamp, err error) (hlc.Timestamp, error) {
	var unknown *commitwait.OutcomeUnknownError
	errors.As(err, &unknown)
	if unknown == nil && len(parts) == 0 {
		return ts, err
	}
	if unknown != nil {
		ts = unknown.TS
	}
	for _, p := range parts {
		p.takeOver(err == nil || unknown != nil)
	}
	committed, failure := home.shard.aside(ctx, func() (committed bool, failure error) {
		defer release(parts)
		if committed = err == nil; unknown != nil {
			if committed, failure = home.settle(ts); failure != nil {
				return false, failure
			}
		}
		for _, p := range parts {
			failure = errors.Join(failure, p.carryOut(committed, ts))
		}
		return committed, failure
	})
	switch {
	case failure != nil && unknown != nil:
		return hlc.Timestamp{}, fmt.Errorf("%w; %w", unknown, failure)
	case failure != nil && err == nil:
		return hlc.Timestamp{}, &commitwait.NotYetVisibleError{TS: ts, Cause: failure}
	case unknown != nil && !committed:
		return hlc.Timestamp{}, &commitwait.ApplyError{TS: ts, Err: unknown.Err}
	case unknown == nil && err != nil:
		return hlc.Timestamp{}, errors.Join(err, failure)
	}
	return ts, nil
}

// part is what another shard than home has to do with a transaction.
type part struct {
	*transaction
	vote *commitwait.Prepared
	gid  gid           // once it may be prepared
	held *pgxpool.Conn // once it is: those that wait for its locks may have all the others of the pool
}

// takeOver keeps the connection of what is prepared from its client, and ends what may not be.
func (p *part) takeOver(prepared bool) {
	if !prepared {
		p.end()
	}
	p.held, p.conn = p.conn, nil
}

// release gives the connections back.
func release(parts []*part) {
	for _, p := range parts {
		if p.held != nil {
			p.held.Release()
		}
	}
}

// connected calls do with the connection that is held, or with a new one if that is broken.
func (p *part) connected(ctx context.Context, do func(*pgx.Conn) error) error {
	if p.held != nil && !p.held.Conn().IsClosed() {
		return do(p.held.Conn())
	}
	conn, err := pgx.ConnectConfig(ctx, p.shard.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

// gid is the name of a prepared transaction: all that is needed to find out what was decided.
type gid struct {
	vote, ts   int64  // packed
	homeID     string // identity of home's database
	home, here int64  // accounts: a version of home at ts says that it is committed, one of here that this was carried out
}

const gidForm = "trueclock-%d-%d-%d-%d-%s"

func (g gid) String() string { return fmt.Sprintf(gidForm, g.vote, g.ts, g.home, g.here, g.homeID) }

// prepare writes the versions and makes them durable, without committing them. An error is certain, whether they are or not: home
// does not decide for a transaction that is not known to be prepared.
func (p *part) prepare(ctx context.Context, ts hlc.Timestamp, home *transaction, want map[int64]int64) error {
	if err := p.write(ctx, ts, want); err != nil {
		return err
	}
	vote, err := packed(p.vote.TS())
	if err != nil {
		return commitwait.NotApplied(err)
	}
	at, err := packed(ts)
	if err != nil {
		return commitwait.NotApplied(err)
	}
	p.gid = gid{vote: vote, ts: at, homeID: home.shard.identity, home: home.accounts[0], here: p.accounts[0]}
	return commitwait.NotApplied(p.ask(ctx))
}

// ask sends PREPARE TRANSACTION.
func (p *part) ask(ctx context.Context) error {
	tag, err := p.conn.Exec(ctx, fmt.Sprintf("PREPARE TRANSACTION '%v'", p.gid))
	if err == nil && tag.String() == "ROLLBACK" { // the answer for a transaction that had failed before
		return pgx.ErrTxCommitRollback
	}
	return err
}

// carryOut does what was decided, however long that takes.
func (p *part) carryOut(committed bool, ts hlc.Timestamp) error {
	if committed {
		return p.shard.insist(func(ctx context.Context) error {
			return p.vote.Commit(ctx, ts, func(ctx context.Context, ts hlc.Timestamp) error {
				return p.connected(ctx, func(conn *pgx.Conn) error { return commitPrepared(ctx, conn, p.gid, ts) })
			})
		})
	}
	if err := p.vote.Abort(); err != nil || p.gid == (gid{}) {
		return err
	}
	return p.shard.insist(func(ctx context.Context) error {
		return p.connected(ctx, func(conn *pgx.Conn) error {
			if err := endBackend(ctx, conn, p.id); err != nil { // perhaps it is about to prepare
				return err
			}
			return rollbackPrepared(ctx, conn, p.gid)
		})
	})
}

// commitPrepared carries out a decision for. It may be called again.
func commitPrepared(ctx context.Context, conn *pgx.Conn, g gid, ts hlc.Timestamp) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("COMMIT PREPARED '%v'", g))
	if !isGone(err) {
		return err
	}
	there, err := written(ctx, conn, g.here, ts) // then it was done before, and not heard of
	if err == nil && !there {
		err = fmt.Errorf("%w: %v is decided, and neither prepared nor committed", errImpossible, g)
	}
	return err
}

// rollbackPrepared carries out a decision against. It may be called again.
func rollbackPrepared(ctx context.Context, conn *pgx.Conn, g gid) error {
	_, err := conn.Exec(ctx, fmt.Sprintf("ROLLBACK PREPARED '%v'", g))
	if isGone(err) {
		return nil
	}
	return err
}

// isGone says that there is no such prepared transaction.
func isGone(err error) bool {
	const undefinedObject = "42704"
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == undefinedObject
}
