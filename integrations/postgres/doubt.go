package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// doubt is a prepared transaction that an earlier run has left.
type doubt struct {
	shard *Shard
	gid   gid
	vote  *commitwait.Prepared
}

// settleDoubts does what home has decided, or, where home has not and so never will, rolls back. All are in flight
// again before the first is settled, so that nobody reads past them.
func (b *Bank) settleDoubts(ctx context.Context) error {
	var all []doubt
	for _, s := range b.shards {
		doubts, err := s.doubts(ctx)
		if err != nil {
			return err
		}
		all = append(all, doubts...)
	}
	for _, d := range all {
		if err := b.settleDoubt(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// doubts takes over the votes of what is prepared here.
func (s *Shard) doubts(ctx context.Context) (all []doubt, err error) {
	rows, err := s.pool.Query(ctx, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND gid LIKE 'trueclock-%'")
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		d := doubt{shard: s}
		if _, err := fmt.Sscanf(name, gidForm, &d.gid.vote, &d.gid.ts, &d.gid.home, &d.gid.here, &d.gid.homeID); err != nil || d.gid.String() != name {
			return nil, fmt.Errorf("postgres: prepared transaction %q is not one of ours", name)
		}
		vote, err := layout.Unpack(uint64(d.gid.vote))
		if err != nil {
			return nil, err
		}
		if d.vote, err = s.committer.PrepareAgain(vote); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func (b *Bank) settleDoubt(ctx context.Context, d doubt) error {
	ts, err := layout.Unpack(uint64(d.gid.ts))
	if err != nil {
		return err
	}
	shard := b.shards[b.shardOf(d.gid.home)]
	if shard.identity != d.gid.homeID {
		return &IdentityError{Want: d.gid.homeID, Database: shard.identity, Directory: shard.identity}
	}
	home, err := shard.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer home.Release()
	committed, err := written(ctx, home.Conn(), d.gid.home, ts) // its session has ended: see OpenShard
	if err != nil {
		return err
	}
	conn, err := d.shard.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if committed {
		return d.vote.Commit(ctx, ts, func(ctx context.Context, ts hlc.Timestamp) error { return commitPrepared(ctx, conn.Conn(), d.gid, ts) })
	}
	return errors.Join(rollbackPrepared(ctx, conn.Conn(), d.gid), d.vote.Abort())
}
