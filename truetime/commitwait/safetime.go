package commitwait

import (
	"context"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// SafeTime returns the highest timestamp at which the shard gives the same answer for ever: nothing
// at or below it is in flight or unknown, or will be assigned. It stands still while nothing is
// committed, closed or read.
func (c *Committer) SafeTime() hlc.Timestamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.safe()
}

// safe is SafeTime. The caller holds the mutex. What is not covered is not safe: after a crash it could be
// assigned again.
func (c *Committer) safe() hlc.Timestamp {
	safe := c.last
	if first := c.flights.first; first != nil && !first.ts.After(safe) {
		safe = before(first.ts, c.options.Layout)
	}
	if c.options.Cover != nil && safe.After(c.covered) {
		return c.covered
	}
	return safe
}

// CloseTo has no commit assigned at or below ts any more, and returns SafeTime: what an idle shard does now and
// then, so that others' snapshots need not wait for it. Errors: [*FloorTooFarError], those of
// truetime.Clock.Now, [ErrClosed].
//
// HAZARD: after a restart the shard must not assign at or below ts either: see Options.Cover and Floor.
func (c *Committer) CloseTo(ctx context.Context, ts hlc.Timestamp) (hlc.Timestamp, error) {
	if _, err := c.close(ctx, ts); err != nil {
		return hlc.Timestamp{}, err
	}
	return c.SafeTime(), nil
}

// close is CloseTo, and returns what the store reads at ts.
func (c *Committer) close(ctx context.Context, ts hlc.Timestamp) (hlc.Timestamp, error) {
	rounded, err := c.closeTo(At(ts))
	if err != nil {
		return hlc.Timestamp{}, err
	}
	return rounded, c.cover(ctx, rounded)
}

// closeTo raises what nothing is assigned at or below to what the mode says, if it is not too far ahead, and
// returns it as what the store can hold.
func (c *Committer) closeTo(m Mode) (hlc.Timestamp, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return hlc.Timestamp{}, ErrClosed
	}
	now, err := c.clock.Now()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	ts := m.choose(now, c.safe())
	if ts, err = m.fit(ts, c.options.Layout); err != nil || !ts.After(c.last) {
		return ts, err
	}
	if err := c.tooFar(now.LatestUnixNano(), ts); err != nil {
		return hlc.Timestamp{}, err
	}
	c.last = ts
	return ts, nil
}

// cover returns when a restart will begin above ts.
func (c *Committer) cover(ctx context.Context, ts hlc.Timestamp) error {
	if c.options.Cover == nil || ts.IsZero() {
		return nil
	}
	ctx, stop := c.untilClosed(ctx)
	defer stop()
	if err := c.options.Cover(ctx, ts); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ts.After(c.covered) {
		c.covered = ts
	}
	return nil
}

// covered covers what was just assigned, or aborts it, also if Cover panics: nobody else has it.
func (p *Pending) covered(ctx context.Context) error {
	done := false
	defer func() {
		if !done {
			_ = p.Abort()
		}
	}()
	err := p.c.cover(ctx, p.ts)
	done = err == nil
	return err
}

// WaitSafe closes the shard to ts and returns nil once it is safe to read there: when every
// commit at or below ts is visible or aborted. Errors: as CloseTo; [*truetime.WaitError] when ctx ends first.
func (c *Committer) WaitSafe(ctx context.Context, ts hlc.Timestamp) error {
	rounded, err := c.close(ctx, ts)
	if err != nil {
		return err
	}
	return c.landed(ctx, rounded, false)
}

// landed waits for the commits at or below ts, or for the votes alone, the lowest first: each wakes whoever waits for it, and nobody polls.
func (c *Committer) landed(ctx context.Context, ts hlc.Timestamp, votes bool) error {
	for {
		changed := c.firstFlight(ts, votes)
		if changed == nil {
			return nil
		}
		if err := c.await(ctx, changed); err != nil {
			return err
		}
	}
}

// firstFlight returns a channel that is closed when the lowest flight at or below ts changes, nil if there is none.
func (c *Committer) firstFlight(ts hlc.Timestamp, votes bool) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := c.flights.first; p != nil && !p.ts.After(ts); p = p.above {
		if p.vote || !votes {
			return p.watched()
		}
	}
	return nil
}

// await waits until changed is closed, or ctx or the Committer ends.
func (c *Committer) await(ctx context.Context, changed <-chan struct{}) error {
	if !c.enter() {
		return ErrClosed
	}
	defer c.waiters.Done()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return &truetime.WaitError{Cause: context.Cause(ctx)}
	case <-c.closing.Done():
		return ErrClosed
	}
}

// Stats is how a Committer is doing, for metrics.
type Stats struct {
	InFlight int           // commits between assignment and visibility, those of unknown outcome too
	Oldest   time.Duration // how long ago the lowest of them was assigned; 0 if there is none
	Last     hlc.Timestamp // nothing at or below it is assigned any more
	Safe     hlc.Timestamp
}

// Stats returns the present state.
func (c *Committer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{InFlight: c.flights.count, Last: c.last, Safe: c.safe()}
	if first := c.flights.first; first != nil {
		s.Oldest = time.Since(first.began)
	}
	return s
}
