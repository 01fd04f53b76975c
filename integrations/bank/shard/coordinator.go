package shard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// transfer coordinates a transaction. It is carried out to the end whether or not the client waits.
func (s *Shard) transfer(_ context.Context, q wire.Transfer) (wire.Outcome, error) {
	ctx, cancel := context.WithTimeout(s.ctx, transferWait)
	defer cancel()
	parts, err := s.split(q)
	if err != nil {
		return wire.Outcome{}, err
	}
	if !s.begin(q.Tx) {
		return s.late(q.Tx)
	}
	t := &transaction{s: s, tx: q.Tx, before: wire.Entries{}}
	if why := t.collect(ctx, parts); why != "" {
		t.abort()
		return wire.Outcome{Why: why}, nil
	}
	s.dieIf(DieUndecided)
	return t.commit(ctx)
}

// split sorts the amounts by shard.
func (s *Shard) split(q wire.Transfer) (map[int]map[int]int64, error) {
	sum, parts := int64(0), map[int]map[int]int64{}
	for account, amount := range q.Amounts {
		sum += amount
		shard := wire.ShardOf(account, len(s.peers))
		if parts[shard] == nil {
			parts[shard] = map[int]int64{}
		}
		parts[shard][account] = amount
	}
	if sum != 0 || parts[s.config.Number] == nil {
		return nil, fmt.Errorf("bank: transfer %d makes money, or has no account here", q.Tx)
	}
	return parts, nil
}

// transaction is one that this shard coordinates.
type transaction struct {
	s      *Shard
	tx     int64
	asked  []int // shards that may have voted yes
	votes  []hlc.Timestamp
	before wire.Entries
	after  wire.Entries // own accounts, which are locked; nil: not yet
}

// collect asks for all votes, one shard after the other, so that no two transactions wait for one another. It returns the reason
// why the transaction must be aborted, if so.
func (t *transaction) collect(ctx context.Context, parts map[int]map[int]int64) (why string) {
	for _, shard := range slices.Sorted(maps.Keys(parts)) {
		if shard == t.s.config.Number {
			before, after, why := t.s.take(ctx, t.tx, parts[shard])
			if why != "" {
				return why
			}
			t.after = after
			maps.Copy(t.before, before)
			continue
		}
		t.asked = append(t.asked, shard)
		ctx, cancel := context.WithTimeout(ctx, prepareWait)
		vote, err := wire.Call[wire.Prepare, wire.Vote](ctx, t.s.peers[shard], wire.PreparePath, wire.Prepare{Tx: t.tx, Coordinator: t.s.config.Number, Amounts: parts[shard]})
		cancel()
		if err != nil {
			return fmt.Sprintf("down: shard %d: %v", shard, err)
		}
		if !vote.Yes {
			return vote.Why
		}
		t.votes = append(t.votes, vote.TS)
		maps.Copy(t.before, vote.Before)
	}
	return ""
}

// commit decides. The decision lies in the store together with the coordinator's own accounts.
func (t *transaction) commit(ctx context.Context) (wire.Outcome, error) {
	s := t.s
	if outcome, done, err := t.commitBroken(ctx); done {
		return outcome, err
	}
	ts, err := s.committer.Commit(ctx, t.decide, t.votes...)
	if err != nil { // before decide, which does not fail
		t.abort()
		return wire.Outcome{Why: fmt.Sprintf("clock: shard %d: %v", s.config.Number, err)}, nil
	}
	s.dieIf(DieDecided)
	t.finish(ts)
	return t.outcome(ts), nil
}

// decide is the moment of the commit.
func (t *transaction) decide(_ context.Context, ts hlc.Timestamp) error {
	version, err := layout().Pack(ts)
	t.s.must(err)
	t.s.must(t.s.store.write(version, append(puts(t.after), change{committedKey(t.tx), ts})...))
	return nil
}

func (t *transaction) outcome(ts hlc.Timestamp) wire.Outcome {
	o := wire.Outcome{Committed: true, TS: ts, Before: t.before}
	if now, err := t.s.clock.Now(); err == nil {
		o.Epsilon = int64(now.Uncertainty())
	}
	return o
}

// finish unlocks and tells the others, who ask if they are not reached.
func (t *transaction) finish(ts hlc.Timestamp) {
	t.s.locks.release(t.tx, slices.Collect(maps.Keys(t.after)))
	t.s.end(t.tx)
	t.tell(wire.Decision{Tx: t.tx, Decided: true, Commit: true, TS: ts})
}

// abort is recorded before anybody is told, or is told that the transaction is not known: a late copy of the request must not commit it.
func (t *transaction) abort() {
	t.s.recordAbort(t.tx)
	t.s.locks.release(t.tx, slices.Collect(maps.Keys(t.after)))
	t.s.end(t.tx)
	t.tell(wire.Decision{Tx: t.tx, Decided: true})
}

func (t *transaction) tell(d wire.Decision) {
	for _, shard := range t.asked {
		t.s.work.Go(func() {
			ctx, cancel := context.WithTimeout(t.s.ctx, decideWait)
			defer cancel()
			_, _ = wire.Call[wire.Decision, wire.Nothing](ctx, t.s.peers[shard], wire.DecidePath, d)
		})
	}
}

// begin registers a transaction as undecided. It is false for one that is decided, or that somebody was told is.
func (s *Shard) begin(tx int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[tx] || s.refused[tx] {
		return false
	}
	var ts hlc.Timestamp
	committed, err := s.store.get(committedKey(tx), newest, &ts)
	s.must(err)
	aborted, err := s.store.get(abortedKey(tx), newest, new(bool))
	s.must(err)
	if committed || aborted {
		return false
	}
	s.running[tx] = true
	return true
}

// end forgets a transaction that is decided, or never will be.
func (s *Shard) end(tx int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, tx)
}

// asked answers a participant.
func (s *Shard) asked(_ context.Context, q wire.Ask) (wire.Decision, error) {
	return s.decision(q.Tx), nil
}

// decision is what may be told. A transaction that is neither running nor committed is aborted, and from now on will be.
func (s *Shard) decision(tx int64) wire.Decision {
	d, certain := s.known(tx)
	if !certain {
		s.recordAbort(tx)
	}
	return d
}

// recordAbort comes before anybody is told. It may come twice.
func (s *Shard) recordAbort(tx int64) {
	s.must(s.store.write(recorded, change{abortedKey(tx), true}))
}

// late answers a copy of a request that was here before. Of a transaction that is under way the caller knows nothing.
func (s *Shard) late(tx int64) (wire.Outcome, error) {
	switch d := s.decision(tx); {
	case d.Commit:
		return wire.Outcome{Committed: true, TS: d.TS}, nil
	case d.Decided:
		return wire.Outcome{Why: "late: it was aborted before"}, nil
	}
	return wire.Outcome{}, fmt.Errorf("bank: transaction %d is under way already", tx)
}

func (s *Shard) known(tx int64) (d wire.Decision, certain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d = wire.Decision{Tx: tx}
	if s.running[tx] {
		return d, true
	}
	var err error
	d.Commit, err = s.store.get(committedKey(tx), newest, &d.TS)
	s.must(err)
	d.Decided = true
	if !d.Commit {
		s.refused[tx] = true
	}
	return d, d.Commit
}

// open deposits on the shard's own accounts, once: the first transaction of all.
func (s *Shard) open(ctx context.Context, q wire.Open) (wire.Outcome, error) {
	after := wire.Entries{}
	for _, account := range q.Accounts {
		if !s.mine(account) {
			return wire.Outcome{}, errNotMine
		}
		after[account] = wire.Entry{Balance: q.Balance, Tx: q.Tx}
	}
	if !s.begin(q.Tx) {
		return s.late(q.Tx)
	}
	defer s.end(q.Tx)
	t := &transaction{s: s, tx: q.Tx, after: after}
	ts, err := s.committer.Commit(ctx, t.decide)
	if err != nil {
		return wire.Outcome{}, err
	}
	return t.outcome(ts), nil
}
