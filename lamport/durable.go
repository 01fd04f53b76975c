package lamport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
)

// DefaultReserve is how many numbers a [DurableClock] reserves at a time unless
// configured.
const DefaultReserve = 1 << 16

// ErrClosed: the clock or the store was closed.
var ErrClosed = errors.New("lamport: closed")

// Store keeps the durable bound of a [DurableClock]: the number up to which it
// may have issued. [OpenFile] is the one for files.
type Store interface {
	// Bound returns the highest bound that was ever saved, 0 if none was.
	Bound() (uint64, error)
	// Save returns nil only when bound is durable: found by every later Bound,
	// whatever happens to the process and the machine. It is never called with
	// a lower bound than before, nor again after an error, nor by two
	// goroutines at once.
	Save(bound uint64) error
	// Close gives the store back. Nothing is called after it.
	Close() error
}

// DurableOptions configures a [DurableClock]. The zero value is ready to use.
type DurableOptions struct {
	// Reserve is how many numbers are reserved at a time; 0 means DefaultReserve. A
	// restart leaves at most so many numbers out, and each Reserve-th Tick waits
	// for the store.
	Reserve uint64
}

// DurableClock is a Lamport clock that goes on above everything it ever issued
// when its process starts anew. It keeps a durable bound in a [Store], issues
// nothing above it, and after a restart begins above it, however the process ended.
//
// When the numbers up to the bound are used up, the call that needs one more
// reserves the next ones; it waits for as long as the store takes or until its context ends, and the others
// wait with it. If the store fails, every call that needs a number above the bound
// returns the store's error from then on; only a new process may try again.
//
// It is safe for concurrent use. Calls that need not wait take no lock and do not
// allocate.
type DurableClock struct {
	last  atomic.Uint64 // the last number issued or observed; closedMark once closed
	bound atomic.Uint64 // the durable bound; never falls
	final atomic.Uint64 // last, once closed

	turn    chan struct{} // whoever has put something in may use what follows
	store   Store
	reserve uint64
	failed  error
}

// closedMark in place of the last number: no compare-and-swap from a number
// succeeds any more, so nothing is issued after Close.
const closedMark = math.MaxUint64

// OpenDurable returns a clock above the bound of the store, which belongs to the
// clock from then on. On an error, which is the store's, the store is the caller's to close.
func OpenDurable(store Store, o DurableOptions) (*DurableClock, error) {
	bound, err := store.Bound()
	if err != nil {
		return nil, fmt.Errorf("lamport: reading the durable bound: %w", err)
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	c := &DurableClock{store: store, reserve: o.Reserve, turn: make(chan struct{}, 1)}
	c.last.Store(min(bound, MaxTime))
	c.bound.Store(min(bound, MaxTime))
	return c, nil
}

// Time returns the number of the last event, or a higher one that was observed
// since; after a restart at first the bound of before.
func (c *DurableClock) Time() uint64 {
	if last := c.last.Load(); last != closedMark {
		return last
	}
	return c.final.Load()
}

// Tick counts a local event, or a message about to be sent, and returns its
// number: higher than that of every event before, those before a restart
// included. It may wait for the store. It returns [ErrExhausted], [ErrClosed],
// the store's error, or one that wraps that of ctx.
func (c *DurableClock) Tick(ctx context.Context) (uint64, error) { return c.WitnessWithin(ctx, 0, 0) }

// Witness is [Clock.Witness] with the waits and the errors of Tick.
func (c *DurableClock) Witness(ctx context.Context, remote uint64) (uint64, error) {
	return c.WitnessWithin(ctx, remote, DefaultMaxLead)
}

// WitnessWithin is [Clock.WitnessWithin] with the waits and the errors of Tick.
func (c *DurableClock) WitnessWithin(ctx context.Context, remote, maxLead uint64) (uint64, error) {
	for {
		last := c.last.Load()
		switch {
		case last == closedMark:
			return 0, ErrClosed
		case remote > last:
			if err := check(last, remote, maxLead); err != nil {
				return 0, err
			}
		case last == MaxTime:
			return 0, ErrExhausted
		}
		next := max(last, remote) + 1
		if next > c.bound.Load() {
			if err := c.reserveFor(ctx, next); err != nil {
				return 0, err
			}
		}
		if c.last.CompareAndSwap(last, next) {
			return next, nil
		}
	}
}

// ForceWitness is [Clock.ForceWitness], with its HAZARD, the waits and the errors of Tick.
func (c *DurableClock) ForceWitness(ctx context.Context, remote uint64) (uint64, error) {
	return c.WitnessWithin(ctx, remote, math.MaxUint64)
}

// Observe is [Clock.Observe]. It never waits; what was observed is forgotten in
// a restart unless something was issued above it. After Close it returns
// [ErrClosed].
func (c *DurableClock) Observe(remote uint64) error {
	for {
		last := c.last.Load()
		switch {
		case last == closedMark:
			return ErrClosed
		case remote <= last:
			return nil
		}
		if err := check(last, remote, DefaultMaxLead); err != nil {
			return err
		}
		if c.last.CompareAndSwap(last, remote) {
			return nil
		}
	}
}

// Close stops the clock, so that nothing is issued any more, and closes the store,
// whose error it returns. It waits for the store if that is being written to. A second Close does nothing.
func (c *DurableClock) Close() error {
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	last := c.last.Load()
	for last != closedMark {
		c.final.Store(last)
		if c.last.CompareAndSwap(last, closedMark) {
			return c.store.Close()
		}
		last = c.last.Load()
	}
	return nil
}

// reserveFor makes the durable bound at least next. The store is called by a goroutine of its own, which has the turn: a caller whose
// context ends need not wait for it, and Close does.
func (c *DurableClock) reserveFor(ctx context.Context, next uint64) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return waiting(ctx)
	}
	saved := make(chan error, 1)
	go func() {
		defer func() { <-c.turn }()
		saved <- c.save(next)
	}()
	select {
	case err := <-saved:
		return err
	case <-ctx.Done():
		return waiting(ctx)
	}
}

func waiting(ctx context.Context) error {
	return fmt.Errorf("lamport: waiting for the store: %w", context.Cause(ctx))
}

// save makes the durable bound at least next, and Reserve numbers more, unless somebody has done it.
// The caller has the turn.
func (c *DurableClock) save(next uint64) error {
	switch {
	case c.last.Load() == closedMark:
		return ErrClosed
	case next <= c.bound.Load():
		return nil
	case c.failed != nil:
		return c.failed
	}
	bound := MaxTime
	if MaxTime-next >= c.reserve {
		bound = next + c.reserve - 1
	}
	if err := c.store.Save(bound); err != nil {
		c.failed = fmt.Errorf("lamport: reserving up to %d: %w", bound, err)
		return c.failed
	}
	c.bound.Store(bound) // after it is durable, never before
	return nil
}
