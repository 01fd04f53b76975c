package commitwait

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// Assign picks a commit timestamp, at or above the latest possible true time and above every
// floor, and registers it as in flight: SafeTime stays below it until it is visible or aborted. Call it when the
// request has arrived and the locks are held, and then Run, or Abort.
//
// With any error nothing was assigned, except for those of Options.Cover, after which
// the timestamp is burnt. See Commit for the errors.
func (c *Committer) Assign(ctx context.Context, floors ...hlc.Timestamp) (*Pending, error) {
	p, err := c.assign(ctx, floors)
	if err != nil {
		return nil, err
	}
	if err := p.covered(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// assign reads the clock inside the critical section, after the request has arrived: an
// earlier reading could give a timestamp below one that was acknowledged meanwhile.
func (c *Committer) assign(ctx context.Context, floors []hlc.Timestamp) (*Pending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	if limit := c.options.MaxUncertainty; limit > 0 && now.Uncertainty() > limit {
		return nil, &truetime.UncertaintyError{Have: now.Uncertainty(), Max: limit}
	}
	ts, err := c.above(now.LatestUnixNano(), now.LatestUnixNano(), floors)
	if err != nil {
		return nil, err
	}
	need, err := c.checkWait(ctx, now, ts)
	if err != nil {
		return nil, err
	}
	c.last = ts
	p := &Pending{
		c: c, ts: ts, uncertainty: now.Uncertainty(), lead: leadOver(now.LatestUnixNano(), ts), predicted: need, began: time.Now(),
	}
	c.flights.add(p)
	return p, nil
}

// ready is what is checked before anything is assigned, and the interval for it. The caller holds the mutex.
func (c *Committer) ready(ctx context.Context) (truetime.Interval, error) {
	switch {
	case c.closed:
		return truetime.Interval{}, ErrClosed
	case ctx.Err() != nil:
		return truetime.Interval{}, &truetime.WaitError{Cause: context.Cause(ctx)}
	}
	return c.clock.Now()
}

// above returns the lowest timestamp that is not below at and above
// everything assigned before, everything the HLC knows, and every floor, and that the
// HLC could have issued and the layout can hold.
func (c *Committer) above(at, latest int64, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	if c.events != nil {
		floors = append(floors[:len(floors):len(floors)], c.events.Peek())
	}
	highest := c.last
	if err := c.tooFar(latest, c.options.Floor); err != nil {
		return hlc.Timestamp{}, err
	}
	if lead := leadOver(latest, c.last); lead/2 > c.options.MaxFloorLead { // a bound that was disproved, since honest ones go so far at most
		return hlc.Timestamp{}, &FloorTooFarError{Floor: c.last, Lead: lead, Limit: c.options.MaxFloorLead}
	}
	for _, floor := range floors {
		if err := c.tooFar(latest, floor); err != nil {
			return hlc.Timestamp{}, err
		}
		if floor.After(highest) {
			highest = floor
		}
	}
	if ts := (hlc.Timestamp{WallTime: at}); ts.After(highest) {
		return c.round(ts)
	}
	ts, err := highest.Next()
	if err != nil {
		return hlc.Timestamp{}, fmt.Errorf("commitwait: no timestamp is left above %v: %w", highest, err)
	}
	return c.round(ts)
}

// round brings ts up to what the store can hold and the events' clock would issue: what that would not issue, others' would
// not believe. Who waits for ts waits for this one.
func (c *Committer) round(ts hlc.Timestamp) (hlc.Timestamp, error) {
	rounded, err := ts, error(nil)
	for last := (hlc.Timestamp{}); err == nil && rounded != last; { // either may move it again, for the other
		last = rounded
		if c.events != nil {
			rounded, err = c.roundForEvents(rounded)
		}
		if err == nil && c.options.Layout != (hlc.Layout{}) {
			rounded, err = c.options.Layout.Round(rounded)
		}
	}
	if err != nil {
		return hlc.Timestamp{}, fmt.Errorf("commitwait: no timestamp is left above %v: %w", ts, err)
	}
	return rounded, nil
}

// roundForEvents leaves a second at the end of the range, so that the HLC can follow when the timestamp has passed.
func (c *Committer) roundForEvents(ts hlc.Timestamp) (hlc.Timestamp, error) {
	rounded, err := c.events.Round(ts)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if rounded.WallTime > math.MaxInt64-int64(time.Second) {
		return hlc.Timestamp{}, hlc.ErrExhausted
	}
	if _, err := c.events.Round(hlc.Timestamp{WallTime: rounded.WallTime + int64(time.Second)}); err != nil {
		return hlc.Timestamp{}, err
	}
	return rounded, nil
}

// tooFar returns a [*FloorTooFarError] if ts lies further above latest than is allowed, else nil.
func (c *Committer) tooFar(latest int64, ts hlc.Timestamp) error {
	if lead := leadOver(latest, ts); lead > c.options.MaxFloorLead {
		return &FloorTooFarError{Floor: ts, Lead: lead, Limit: c.options.MaxFloorLead}
	}
	return nil
}

// leadOver returns how far a floor lies above latest, at most 292 years.
func leadOver(latest int64, floor hlc.Timestamp) time.Duration {
	if floor.WallTime <= latest {
		return 0
	}
	if lead := floor.WallTime - latest; lead > 0 {
		return time.Duration(lead)
	}
	return math.MaxInt64
}

// checkWait refuses a timestamp whose wait could not end in time, before it is
// assigned, and returns how long that is, but for the drift.
func (c *Committer) checkWait(ctx context.Context, now truetime.Interval, ts hlc.Timestamp) (need time.Duration, err error) {
	if earliest := now.EarliestUnixNano(); ts.WallTime >= earliest {
		need = min(leadOver(earliest, ts), math.MaxInt64-1) + 1 // strictly after
	}
	if limit := c.options.MaxWait; limit > 0 && need > limit {
		return 0, &truetime.WaitTooLongError{Need: need, Limit: limit}
	}
	if deadline, ok := ctx.Deadline(); ok && need > time.Until(deadline) {
		return 0, &truetime.WaitTooLongError{Need: need, Limit: max(0, time.Until(deadline))}
	}
	return need, nil
}
