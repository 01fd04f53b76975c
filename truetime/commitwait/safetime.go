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
	rounded, err := c.closeTo(func(truetime.Interval, hlc.Timestamp) hlc.Timestamp { return ts })
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := c.cover(ctx, rounded); err != nil {
		return hlc.Timestamp{}, err
	}
	return c.SafeTime(), nil
}

// closeTo raises what nothing is assigned at or below to what choose says, given the interval
// and the safe time, if it is not too far ahead, and returns it as what the store can hold.
func (c *Committer) closeTo(choose func(now truetime.Interval, safe hlc.Timestamp) hlc.Timestamp) (hlc.Timestamp, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return hlc.Timestamp{}, ErrClosed
	}
	now, err := c.clock.Now()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	ts := choose(now, c.safe())
	if lead := leadOver(now.LatestUnixNano(), ts); lead > c.options.MaxFloorLead {
		return hlc.Timestamp{}, &FloorTooFarError{Floor: ts, Lead: lead, Limit: c.options.MaxFloorLead}
	}
	if ts.WallTime < 0 {
		ts = hlc.Timestamp{}
	}
	if c.options.Layout != (hlc.Layout{}) {
		if ts, err = c.options.Layout.Round(ts); err != nil {
			return hlc.Timestamp{}, err
		}
	}
	if ts.After(c.last) {
		c.last = ts
	}
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

// WaitSafe closes the shard to ts and returns nil once it is safe to read there: when every
// commit at or below ts is visible or aborted. Errors: as CloseTo; [*truetime.WaitError] when ctx ends first.
func (c *Committer) WaitSafe(ctx context.Context, ts hlc.Timestamp) error {
	if _, err := c.CloseTo(ctx, ts); err != nil {
		return err
	}
	return c.landed(ctx, ts)
}

// landed waits for the commits at or below ts, the lowest first: each wakes whoever waits for it, and nobody polls.
func (c *Committer) landed(ctx context.Context, ts hlc.Timestamp) error {
	for {
		c.mu.Lock()
		first := c.flights.first
		if first == nil || first.ts.After(ts) {
			c.mu.Unlock()
			return nil
		}
		changed := first.watched()
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return &truetime.WaitError{Cause: context.Cause(ctx)}
		case <-c.closing.Done():
			return ErrClosed
		}
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
