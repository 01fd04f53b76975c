package commitwait

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// Committer assigns commit timestamps and waits them out, and says at which timestamps
// the shard can be read. Make one with [New] for each shard: for whatever has one set of locks. It is safe for
// concurrent use; commits wait in parallel.
type Committer struct {
	clock   *truetime.Clock
	events  *hlc.Clock // nil: timestamps are above other commits only
	options Options

	mu      sync.Mutex    // never held while waiting
	last    hlc.Timestamp // nothing at or below it is assigned any more
	covered hlc.Timestamp // a restart begins above it, if there is a Cover
	flights flights
	closed  bool

	closing context.Context // ends with ErrClosed
	end     context.CancelCauseFunc
	waiters sync.WaitGroup
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
	c := &Committer{clock: clock, events: events, options: options, last: options.Floor, covered: options.Floor}
	c.closing, c.end = context.WithCancelCause(context.Background())
	return c, nil
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
// If apply knows for certain that the transaction was not applied, it returns
// NotApplied(err), and Commit an [*ApplyError]. After any other error of apply, or a panic, nobody knows: Commit
// returns an [*OutcomeUnknownError], and SafeTime stays below the timestamp until Resolve.
//
// After all other errors nothing was applied, and trying again is safe:
// those of the clock (truetime.Clock.Now), [*truetime.UncertaintyError],
// [*truetime.WaitTooLongError], [*truetime.WaitError], [*FloorTooFarError] for a floor or an HLC too far
// ahead, [ErrClosed], those of Options.Cover. A timestamp that was assigned before the error is burnt.
func (c *Committer) Commit(ctx context.Context, apply func(ctx context.Context, ts hlc.Timestamp) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	if apply == nil {
		return hlc.Timestamp{}, errors.New("commitwait: Commit needs a function that applies the transaction")
	}
	return c.commit(ctx, floors, func(p *Pending) error { return p.perform(ctx, apply) })
}

// commit assigns a timestamp, waits until it has passed, and has write put the transaction into the store.
func (c *Committer) commit(ctx context.Context, floors []hlc.Timestamp, write func(*Pending) error) (hlc.Timestamp, error) {
	if !c.enter() {
		return hlc.Timestamp{}, ErrClosed
	}
	defer c.waiters.Done()
	p, err := c.Assign(ctx, floors...)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	began := time.Now()
	if err := c.passed(ctx, p.ts, p.predicted < time.Microsecond); err != nil {
		_ = p.Abort()
		return hlc.Timestamp{}, err
	}
	waited := time.Since(began)
	if c.closing.Err() != nil { // while it was covered, or just now
		_ = p.Abort()
		return hlc.Timestamp{}, ErrClosed
	}
	// Not before: a message stamped by the HLC during the wait must not carry a time
	// that is still in the future. Not later: what apply and its readers stamp comes after the commit.
	refused, err := c.observe(p.ts)
	if err != nil {
		_ = p.Abort()
		return hlc.Timestamp{}, err
	}
	if err := write(p); err != nil {
		return hlc.Timestamp{}, err
	}
	p.openAfter(p.ts, waited, refused)
	return p.ts, nil
}

// passed is outlast, and tells OnWait.
func (c *Committer) passed(ctx context.Context, ts hlc.Timestamp, likely bool) error {
	report := c.options.OnWait
	if report == nil {
		return c.outlast(ctx, ts, likely)
	}
	began := time.Now()
	err := c.outlast(ctx, ts, likely)
	report(time.Since(began), err)
	return err
}

// outlast returns when ts has certainly passed, or the context or the Committer ends. It fails at
// once if the deadline cannot be met; a clock that has become unusable is waited for. likely says that it is worth a
// look before anything is made ready for a wait.
func (c *Committer) outlast(ctx context.Context, ts hlc.Timestamp, likely bool) error {
	if likely {
		if passed, err := c.clock.After(ts.Time()); err == nil && passed {
			return nil
		}
	}
	if !c.enter() {
		return ErrClosed
	}
	defer c.waiters.Done()
	return c.clock.KeepWaitingUntilAfter(ctx, c.closing, ts.Time())
}

// untilClosed is ctx, which ends with ErrClosed when the Committer is closed.
func (c *Committer) untilClosed(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(c.closing, func() { cancel(ErrClosed) })
	return ctx, func() {
		detach()
		cancel(nil)
	}
}

// enter registers a waiter, for Close.
func (c *Committer) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.waiters.Add(1)
	}
	return !c.closed
}

// observe moves the HLC to ts, which has passed in true time: nobody could vouch better, so
// if the HLC refuses, its limits do not count. What it said is returned for the record.
func (c *Committer) observe(ts hlc.Timestamp) (refused, err error) {
	if c.events == nil {
		return nil, nil
	}
	if refused = c.events.Observe(ts); refused != nil {
		_, err = c.events.ForceUpdate(ts)
	}
	return refused, err
}

// Close ends every wait with [ErrClosed] and returns when nobody waits or applies any more. Commits that are
// durable and not yet visible stay so: their locks must survive, or the node stops serving. Close must not be called from
// apply or OnCommit, for which it waits.
func (c *Committer) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end(ErrClosed)
	c.waiters.Wait()
	return nil
}
