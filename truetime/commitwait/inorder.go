package commitwait

import (
	"context"
	"errors"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// CommitInOrder is Commit for a store that looks for conflicts when it applies, among what it has applied before. Such a look does
// not find a lower timestamp that is applied later, which is still waiting for its turn on another goroutine. So enter is
// called in the order of the timestamps: when that of every lower commit of this Committer has returned, and Commit
// and Run of every lower one have written or aborted. Votes (Prepare) are not waited for, or two shards could wait for each other: they hold
// locks until they are carried out, and the look for conflicts must respect these. Hence never two at once.
//
// enter looks for conflicts and hands the writes over (to a log, a queue). The function that it returns waits until they are
// durable, beside those of others: what the disk takes is not queued for. nil means that there is nothing to wait for. The errors of both mean what those of apply do in Commit,
// and the errors of CommitInOrder are those of Commit. If ctx ends before enter was called, nothing was applied.
//
// HAZARD: a commit whose enter did not say what became of it (any error but NotApplied, a panic) holds up all that
// follow, until Resolve: nobody knows what they should have seen. Once enter has returned a function, that is known, whatever the disk says.
//
// HAZARD: do not wait, in enter or while a Pending of Assign is open, for another commit of the same Committer. It waits for
// this one.
func (c *Committer) CommitInOrder(ctx context.Context, enter func(ctx context.Context, ts hlc.Timestamp) (durable func() error, err error), floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	if enter == nil {
		return hlc.Timestamp{}, errors.New("commitwait: CommitInOrder needs a function that enters the transaction")
	}
	return c.commit(ctx, floors, func(p *Pending) error {
		if err := p.turn(ctx); err != nil {
			_ = p.Abort()
			return err
		}
		return p.perform(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
			durable, err := enter(ctx, ts)
			if err != nil {
				return err
			}
			p.enter()
			if durable == nil {
				return nil
			}
			return durable()
		})
	})
}

// turn returns when nothing lower can enter the store any more.
func (p *Pending) turn(ctx context.Context) error {
	for {
		changed := p.precursor()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return &truetime.WaitError{Cause: context.Cause(ctx)}
		case <-p.c.closing.Done():
			return ErrClosed
		}
	}
}

// precursor returns a channel that is closed when the next lower commit that has not entered changes, or nil
// if there is none. Each commit waits for the one before it, so that each that enters wakes one.
func (p *Pending) precursor() <-chan struct{} {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	for lower := p.below; lower != nil; lower = lower.below {
		if lower.entered {
			return nil // all below it had entered before, and none is assigned there any more
		}
		if lower.state != Durable && !lower.vote { // assigned, being written, unknown
			return lower.watched()
		}
	}
	return nil
}

// enter takes down that the store knows of the commit, and calls the next one.
func (p *Pending) enter() {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.entered = true
	p.tell()
}
