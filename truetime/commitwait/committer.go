package commitwait

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// Options configures a [Committer]. The zero value is ready to use.
type Options struct {
	// MaxUncertainty refuses commits while the clock's half width is larger,
	// since each would wait for twice as long. 0 means no limit.
	MaxUncertainty time.Duration
	// MaxWait refuses commits that would wait longer. 0 means no limit but the
	// context's deadline.
	MaxWait time.Duration
	// MaxFloorLead is how far above the latest possible true time a floor may
	// lie, and the HLC. 0 means twice MaxUncertainty, or 1 s if that is not set either.
	MaxFloorLead time.Duration
}

func (o Options) validate() (Options, error) {
	if o.MaxUncertainty < 0 || o.MaxWait < 0 || o.MaxFloorLead < 0 {
		return o, errors.New("commitwait: a limit in Options is negative")
	}
	if o.MaxFloorLead == 0 {
		o.MaxFloorLead = 2 * min(o.MaxUncertainty, math.MaxInt64/2)
	}
	if o.MaxFloorLead == 0 {
		o.MaxFloorLead = time.Second
	}
	return o, nil
}

// Committer assigns commit timestamps and waits them out. It is safe for
// concurrent use; commits wait in parallel.
type Committer struct {
	clock   *truetime.Clock
	events  *hlc.Clock // nil: timestamps are above other commits only
	options Options

	assigning sync.Mutex // never held while waiting
	last      hlc.Timestamp
}

// New returns a committer on a clock. With an HLC, commits are also ordered
// after every event that the HLC has stamped or observed, and later events after
// the commits; events may be nil.
func New(clock *truetime.Clock, events *hlc.Clock, options Options) (*Committer, error) {
	if clock == nil {
		return nil, errors.New("commitwait: New needs a truetime.Clock")
	}
	options, err := options.validate()
	if err != nil {
		return nil, err
	}
	return &Committer{clock: clock, events: events, options: options}, nil
}

// Commit assigns a timestamp at or above the latest possible true time and above
// every floor, waits until it has certainly passed, calls apply with it, and
// returns it. Nothing is visible before the wait is over, so there is nothing to
// undo when the wait fails. The transaction may be acknowledged when Commit has
// returned without an error.
//
// Floors are timestamps that this commit must exceed: those of the data it has
// read, or a session's last commit.
//
// With any error but an [*ApplyError] nothing was applied, and trying again is safe:
// those of the clock (truetime.Clock.Now), [*truetime.UncertaintyError],
// [*truetime.WaitTooLongError], [*truetime.WaitError], [*FloorTooFarError] for a floor or an HLC too far
// ahead, [*NotObservedError]. A timestamp that was assigned before the error is burnt.
func (c *Committer) Commit(ctx context.Context, apply func(ctx context.Context, ts hlc.Timestamp) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	if apply == nil {
		return hlc.Timestamp{}, errors.New("commitwait: Commit needs a function that applies the transaction")
	}
	ts, err := c.assign(ctx, floors)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := c.clock.WaitUntilAfter(ctx, time.Unix(0, ts.WallTime)); err != nil {
		return hlc.Timestamp{}, err
	}
	// Not before: a message stamped by the HLC during the wait must not carry a time
	// that is still in the future. Not later: what apply and its readers stamp comes after the commit.
	if c.events != nil {
		if err := c.events.Observe(ts); err != nil {
			return hlc.Timestamp{}, &NotObservedError{TS: ts, Err: err}
		}
	}
	if err := apply(ctx, ts); err != nil {
		return hlc.Timestamp{}, &ApplyError{TS: ts, Err: err}
	}
	return ts, nil
}

// assign picks the timestamp. The clock is read inside the critical section,
// after the request has arrived and its locks are held: an earlier reading
// could give a timestamp below one that was acknowledged meanwhile.
func (c *Committer) assign(ctx context.Context, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	c.assigning.Lock()
	defer c.assigning.Unlock()
	if ctx.Err() != nil {
		return hlc.Timestamp{}, &truetime.WaitError{Cause: context.Cause(ctx)}
	}
	now, err := c.clock.Now()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if limit := c.options.MaxUncertainty; limit > 0 && now.Uncertainty() > limit {
		return hlc.Timestamp{}, &truetime.UncertaintyError{Have: now.Uncertainty(), Max: limit}
	}
	ts, err := c.above(now.LatestUnixNano(), floors)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := c.checkWait(ctx, ts); err != nil {
		return hlc.Timestamp{}, err
	}
	c.last = ts
	return ts, nil
}

// above returns the lowest timestamp that is not below latest and above
// everything assigned before, everything the HLC knows, and every floor, and that the
// HLC could have issued.
func (c *Committer) above(latest int64, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	ts := hlc.Timestamp{WallTime: latest}
	if c.events != nil {
		floors = append(floors[:len(floors):len(floors)], c.events.Peek())
	}
	for _, floor := range floors {
		if lead := leadOver(latest, floor); lead > c.options.MaxFloorLead {
			return ts, &FloorTooFarError{Floor: floor, Lead: lead, Limit: c.options.MaxFloorLead}
		}
	}
	for _, floor := range append(floors, c.last) {
		if ts.After(floor) {
			continue
		}
		next, err := floor.Next()
		if err != nil {
			return ts, fmt.Errorf("commitwait: no timestamp is left above %v: %w", floor, err)
		}
		ts = next
	}
	if c.events == nil {
		return ts, nil
	}
	// What the events' clock would not issue it would not believe either.
	rounded, err := c.events.Round(ts)
	if err != nil {
		return ts, fmt.Errorf("commitwait: no timestamp is left above %v: %w", ts, err)
	}
	return rounded, nil
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
// assigned.
func (c *Committer) checkWait(ctx context.Context, ts hlc.Timestamp) error {
	need, err := c.clock.UntilAfter(time.Unix(0, ts.WallTime))
	if err != nil {
		return err
	}
	if limit := c.options.MaxWait; limit > 0 && need > limit {
		return &truetime.WaitTooLongError{Need: need, Limit: limit}
	}
	if deadline, ok := ctx.Deadline(); ok && need > time.Until(deadline) {
		return &truetime.WaitTooLongError{Need: need, Limit: max(0, time.Until(deadline))}
	}
	return nil
}
