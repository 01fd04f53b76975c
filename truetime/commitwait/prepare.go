package commitwait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// Prepared is this shard's part of a transaction over several shards, between its vote and the coordinator's
// decision (two-phase commit): it is in flight at a prepare timestamp, below which SafeTime stays. Its methods are safe
// for concurrent use.
//
//	on each other shard   p, err := committer.Prepare(ctx)         // locks are held, and the writes are durable; vote with p.TS()
//	on the coordinator    ts, err := committer.Commit(ctx, decide, votes...)
//	on each other shard   err := p.Commit(ctx, ts, apply)          // and unlock
//
// The commit timestamp is above every vote, so that no snapshot that was served meanwhile can have missed
// the transaction: one at or above a vote waits until its shard has applied.
//
// HAZARD: all shards of a transaction need Layouts with the same ticks, or the coordinator's one whose every timestamp the others' hold: a shard
// refuses a decision that it cannot write (a [*DecisionError]), and the others have carried it out.
//
// HAZARD: two transactions may have one timestamp, if the locks of neither conflict with the other's: the coordinator cannot know what
// this shard has assigned since the vote. Their writes are of different keys.
//
// Source: Corbett et al., OSDI 2012, §4.2.1.
type Prepared struct {
	p       *Pending
	turn    chan struct{} // held by the one Commit that applies
	decided hlc.Timestamp // behind the mutex of the Committer
}

// Prepare votes for a transaction whose commit timestamp another shard will choose. The vote is above all that this
// shard has assigned, read, or seen by its HLC, and not ahead of true time without need: it does not lengthen
// the coordinator's wait. Call it when the locks are held. A vote that has been sent must be kept across restarts (PrepareAgain) until the decision is known.
//
// Errors: those of truetime.Clock.Now; [*FloorTooFarError]; [ErrClosed]; those of Options.Cover. Nobody waits for a vote, so neither MaxWait nor
// MaxUncertainty matters.
func (c *Committer) Prepare(ctx context.Context, floors ...hlc.Timestamp) (*Prepared, error) {
	p, err := c.vote(ctx, floors)
	if err != nil {
		return nil, err
	}
	if err := p.covered(ctx); err != nil {
		return nil, err
	}
	return newPrepared(p), nil
}

func newPrepared(p *Pending) *Prepared { return &Prepared{p: p, turn: make(chan struct{}, 1)} }

// vote is assign without a wait to come. Earliest will do: what counts is what this shard has promised, and latest could be
// above the coordinator's.
func (c *Committer) vote(ctx context.Context, floors []hlc.Timestamp) (*Pending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	ts, err := c.above(now.EarliestUnixNano(), now.LatestUnixNano(), floors)
	if err != nil {
		return nil, err
	}
	c.last = ts
	p := &Pending{c: c, ts: ts, vote: true, uncertainty: now.Uncertainty(), began: time.Now()}
	c.flights.add(p)
	return p, nil
}

// PrepareAgain takes over a vote that was found in the store's log after a restart. Call it, for each whose decision is
// not known to have been carried out, before the shard serves. Errors: [*FloorTooFarError], those of truetime.Clock.Now, [ErrClosed], a
// [*StateError] if that vote is in flight.
func (c *Committer) PrepareAgain(ts hlc.Timestamp) (*Prepared, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.flights.at(ts, true); p != nil {
		return nil, &StateError{TS: ts, State: p.state}
	}
	p, err := c.readmit(ts, Assigned, true)
	if err != nil {
		return nil, err
	}
	return newPrepared(p), nil
}

// TS is the vote: the coordinator needs it as a floor of its Commit.
func (r *Prepared) TS() hlc.Timestamp { return r.p.ts }

// State is Assigned before the decision, Decided until it has been carried out, then Visible, or Aborted.
func (r *Prepared) State() State { return r.p.State() }

// Commit carries out the decision to commit at ts: it waits until ts has certainly passed by this shard's clock too (if the coordinator has
// waited, up to 2ε more, where ε is this clock's), calls apply with it, and ends the flight. Nothing more is assigned at or below ts.
//
// The decision cannot be taken back. After an error of apply, or when ctx or the Committer ends, which is a
// [*NotYetVisibleError], it still holds, and so do the flight and the locks; call Commit again with the same ts. apply may then be called again and
// must not mind. When all was done before, Commit returns nil at once.
//
// Other errors, after which nothing was decided: [*DecisionError] if ts cannot be that of this transaction; [*FloorTooFarError] if it is too far ahead of true
// time; those of truetime.Clock.Now; [*StateError] after Abort; [ErrClosed].
func (r *Prepared) Commit(ctx context.Context, ts hlc.Timestamp, apply func(ctx context.Context, ts hlc.Timestamp) error) error {
	c := r.p.c
	if apply == nil {
		return errors.New("commitwait: Prepared.Commit needs a function that applies the transaction")
	}
	if done, err := r.decide(ts); done || err != nil {
		return err
	}
	if err := r.carryOut(ctx, apply); err != nil {
		return c.notYet(ts, err)
	}
	return nil
}

// carryOut applies what was decided, one at a time.
func (r *Prepared) carryOut(ctx context.Context, apply func(ctx context.Context, ts hlc.Timestamp) error) error {
	c := r.p.c
	if !c.enter() {
		return ErrClosed
	}
	defer c.waiters.Done()
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-c.closing.Done():
		return ErrClosed
	}
	defer func() { <-r.turn }()
	if r.State() == Visible {
		return nil
	}
	if err := c.cover(ctx, r.decided); err != nil {
		return err
	}
	began := time.Now()
	if err := c.passed(ctx, r.decided, true); err != nil {
		return err
	}
	waited := time.Since(began)
	refused, err := c.observe(r.decided)
	if err != nil {
		return err
	}
	if err := apply(ctx, r.decided); err != nil {
		return err
	}
	r.p.openAfter(r.decided, waited, refused)
	return nil
}

// decide takes the decision down, and says if it was carried out before.
func (r *Prepared) decide(ts hlc.Timestamp) (done bool, err error) {
	c := r.p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	state := r.p.state
	if state == Decided || state == Visible {
		if ts != r.decided {
			return false, &DecisionError{Prepared: r.p.ts, TS: ts, Problem: fmt.Sprintf("it was %v before", r.decided)}
		}
		return state == Visible, nil
	}
	if state != Assigned {
		return false, &StateError{TS: r.p.ts, State: state}
	}
	now, err := c.ready(context.Background())
	if err != nil {
		return false, err
	}
	switch {
	case ts.Before(r.p.ts):
		return false, &DecisionError{Prepared: r.p.ts, TS: ts, Problem: "it is below the vote"}
	case c.options.Layout != (hlc.Layout{}) && !c.options.Layout.Fits(ts):
		return false, &DecisionError{Prepared: r.p.ts, TS: ts, Problem: "it does not fit the layout of this shard's store"}
	}
	if err := c.tooFar(now.LatestUnixNano(), ts); err != nil {
		return false, err
	}
	r.p.state, r.decided = Decided, ts
	if ts.After(c.last) {
		c.last = ts
	}
	return false, nil
}

// Abort ends the flight: the coordinator has decided against the transaction, or the vote was never sent. It returns a
// [*StateError] after a decision to commit.
//
// HAZARD: after a vote was sent only the coordinator knows. A shard that aborts by itself, since nobody answers, tears the transaction.
func (r *Prepared) Abort() error { return r.p.Abort() }
