package shard

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// voteRecord is what a vote is on the disk.
type voteRecord struct {
	Tx          int64
	Coordinator int
	TS          hlc.Timestamp
	After       wire.Entries // what is written if the decision is to commit
}

func (r voteRecord) accounts() []int { return slices.Sorted(maps.Keys(r.After)) }

// vote is a transaction that this shard has voted for and that is not decided here yet. Its locks are held.
type vote struct {
	voteRecord
	prepared *commitwait.Prepared

	mu   sync.Mutex    // of whoever carries the decision out
	done chan struct{} // closed when it has been
}

// take locks the accounts, reads them and says what is on them afterwards. If it returns a reason why not, nothing is locked.
func (s *Shard) take(ctx context.Context, tx int64, amounts map[int]int64) (before, after wire.Entries, why string) {
	accounts := slices.Sorted(maps.Keys(amounts))
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	if err := s.locks.acquire(ctx, tx, accounts); err != nil {
		return nil, nil, fmt.Sprintf("busy: shard %d: %v", s.config.Number, err)
	}
	before, err := s.store.read(accounts, newest) // of locked accounts nothing is in flight
	s.must(err)
	after = wire.Entries{}
	for account, amount := range amounts {
		e, ok := before[account]
		if !ok || e.Balance+amount < 0 {
			s.locks.release(tx, accounts)
			return nil, nil, fmt.Sprintf("poor: account %d has %d, not %d", account, e.Balance, -amount)
		}
		after[account] = wire.Entry{Balance: e.Balance + amount, Tx: tx}
	}
	return before, after, ""
}

// prepare votes for a transaction, once. A vote that is yes is durable.
func (s *Shard) prepare(ctx context.Context, q wire.Prepare) (wire.Vote, error) {
	for account := range q.Amounts {
		if !s.mine(account) {
			return wire.Vote{}, errNotMine
		}
	}
	before, after, why := s.take(ctx, q.Tx, q.Amounts)
	if why != "" {
		return wire.Vote{Why: why}, nil
	}
	record := voteRecord{Tx: q.Tx, Coordinator: q.Coordinator, After: after}
	told, err := s.store.get(toldKey(q.Tx), newest, new(bool)) // with the locks, which whoever voted before has given up after it was told
	s.must(err)
	if told {
		s.locks.release(q.Tx, record.accounts())
		return wire.Vote{Why: fmt.Sprintf("late: shard %d was told the decision", s.config.Number)}, nil
	}
	prepared, err := s.committer.Prepare(ctx)
	if err != nil {
		s.locks.release(q.Tx, record.accounts())
		return wire.Vote{Why: fmt.Sprintf("clock: shard %d: %v", s.config.Number, err)}, nil
	}
	record.TS = prepared.TS()
	s.must(s.store.write(recorded, change{voteKey(q.Tx), record}))
	s.dieIf(DieVoted)
	s.follow(record, prepared)
	return wire.Vote{Yes: true, TS: record.TS, Before: before}, nil
}

// follow keeps a vote until it is decided. If that takes long it asks the coordinator, and goes on asking.
func (s *Shard) follow(record voteRecord, prepared *commitwait.Prepared) {
	v := &vote{voteRecord: record, prepared: prepared, done: make(chan struct{})}
	s.mu.Lock()
	s.votes[v.Tx] = v
	s.mu.Unlock()
	s.work.Go(func() {
		for pause := askAfter; ; pause = askEvery {
			select {
			case <-v.done:
				return
			case <-s.ctx.Done():
				return
			case <-time.After(pause):
			}
			ctx, cancel := context.WithTimeout(s.ctx, decideWait)
			d, err := wire.Call[wire.Ask, wire.Decision](ctx, s.peers[v.Coordinator], wire.AskPath, wire.Ask{Tx: v.Tx})
			if err == nil && d.Decided {
				_ = s.carryOut(ctx, v, d) // or again
			}
			cancel()
		}
	})
}

// decided is told of a decision by the coordinator. It may have been carried out before.
func (s *Shard) decided(ctx context.Context, d wire.Decision) error {
	s.mu.Lock()
	v := s.votes[d.Tx]
	s.mu.Unlock()
	if v == nil || !d.Decided {
		return nil
	}
	return s.carryOut(ctx, v, d)
}

// carryOut writes at the commit timestamp and lands, or lands without that, and unlocks. It may be called again after an
// error, which is one of waiting.
func (s *Shard) carryOut(ctx context.Context, v *vote, d wire.Decision) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	select {
	case <-v.done:
		return nil
	default:
	}
	s.dieIf(DieTold)
	if d.Commit {
		if err := s.land(ctx, v, d.TS); err != nil {
			return err
		}
	} else {
		s.must(s.store.write(discarded, ended(v.Tx)...))
		if err := v.prepared.Abort(); err != nil {
			return err // the coordinator has said both
		}
	}
	s.locks.release(v.Tx, v.accounts())
	s.mu.Lock()
	delete(s.votes, v.Tx)
	s.mu.Unlock()
	close(v.done)
	return nil
}

func (s *Shard) land(ctx context.Context, v *vote, ts hlc.Timestamp) error {
	apply := func(_ context.Context, ts hlc.Timestamp) error {
		version, err := layout().Pack(ts)
		if err != nil {
			return err
		}
		s.must(s.store.write(version, append(puts(v.After), ended(v.Tx)...)...))
		return nil
	}
	if landed, err := s.landBroken(ctx, v, ts, apply); landed {
		return err
	}
	return v.prepared.Commit(ctx, ts, apply)
}

// recover takes up the votes of the last run: their locks, and their place in flight.
func (s *Shard) recover(ctx context.Context) error {
	var records []voteRecord
	err := s.store.each(votes, newest, false, func(_ []byte, _ uint64, text []byte) error {
		var r voteRecord
		err := json.Unmarshal(text, &r)
		records = append(records, r)
		return err
	})
	if err != nil {
		return err
	}
	for _, r := range records {
		prepared, err := s.committer.PrepareAgain(r.TS)
		if err != nil {
			return fmt.Errorf("the vote for transaction %d: %w", r.Tx, err)
		}
		if err := s.locks.acquire(ctx, r.Tx, r.accounts()); err != nil {
			return err
		}
		s.follow(r, prepared)
	}
	return nil
}
