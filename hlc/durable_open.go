package hlc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/internal/durable"
)

// Defaults of DurableOptions. To save a bound takes one to some milliseconds on the
// disk of a virtual machine (BenchmarkDurableRenewal).
const (
	DefaultWindow  = time.Second
	DefaultMaxWait = 10 * time.Second
)

// DurableOptions configures a [Durable].
type DurableOptions struct {
	// Dir is an existing directory for the bound of this clock and nothing else.
	// HAZARD: if the program has just created it, it must sync the parent, or a crash may
	// take the directory away with all that was saved in it.
	Dir string
	// Node is who writes the bound: a directory of another node is refused.
	Node uint64
	// Window is how far the bound reaches above the last timestamp; 0 means
	// DefaultWindow. After a crash timestamps may lead the physical clock by this
	// much, or the start waits for the rest above the clock's MaxLead. It should be
	// 100 times what a write takes (Stats.WriteP99) or more: below twice that calls
	// wait for the disk, below once that nearly every call does.
	Window time.Duration
	// MaxWait is how long a start may wait for the physical clock when the bound is
	// too far ahead to jump (further than the clock's MaxLead; never with Unlimited); 0 means DefaultMaxWait.
	MaxWait time.Duration
	// Existing refuses a directory in which nothing was ever saved (ErrNoState).
	// HAZARD: without it the directory under an unmounted disk looks like a first start.
	Existing bool
	// NetworkFileSystem allows a directory on a network file system, which is refused
	// else where it is recognised (on Linux).
	NetworkFileSystem bool
}

func (o DurableOptions) withDefaults() (DurableOptions, error) {
	if o.Window < 0 || o.MaxWait < 0 {
		return o, errors.New("hlc: Window or MaxWait is negative")
	}
	if o.Window == 0 {
		o.Window = DefaultWindow
	}
	if o.MaxWait == 0 {
		o.MaxWait = DefaultMaxWait
	}
	return o, nil
}

// Recovery is what a start found.
type Recovery struct {
	First       bool          // nothing had been saved before
	Clean       bool          // the last run ended with Close
	Bound       Timestamp     // everything handed out before is at or below it
	Damage      error         // which slot was not believed and why; nil: none. Bound has the largest step in it
	Waited      time.Duration // for the physical clock to come near the bound
	Incarnation uint64        // of this run; higher at each start
}

// Recovery returns what the start found. Report a Damage: it may be the disk.
func (d *Durable) Recovery() Recovery { return d.recovery }

// OpenDurable locks the directory and returns a clock that goes on above all that
// was handed out before. It waits, until ctx ends, if the old bound is too far ahead
// to jump over. The clock must be used through the result alone. Close it.
//
// Errors: [ErrLocked]; [*BoundTooFarError]; [*NoLatestError] while Options.Latest of the clock fails, so synchronise first; [*StateError] when no record can be
// believed; [*WrongNodeError]; [ErrNoState]; [*NetworkFileSystemError]; [*StorageError].
func OpenDurable(ctx context.Context, clock *Clock, o DurableOptions) (*Durable, error) {
	dir, err := openDirectory(o.Dir, o.NetworkFileSystem)
	if err != nil {
		return nil, err
	}
	return openDurable(ctx, clock, dir, o)
}

func openDirectory(path string, network bool) (durable.Directory, error) {
	dir, err := durable.Open(path, network)
	var remote *durable.NetworkError
	switch {
	case errors.As(err, &remote):
		return nil, (*NetworkFileSystemError)(remote)
	case err != nil:
		return nil, fmt.Errorf("hlc: the directory for the bound: %w", err)
	}
	return dir, nil
}

func openDurable(ctx context.Context, clock *Clock, dir durable.Directory, o DurableOptions) (*Durable, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := dir.Lock(); err != nil {
		return nil, locking(err)
	}
	d, err := start(ctx, clock, dir, o)
	if err != nil {
		_ = dir.Unlock()
		return nil, err
	}
	return d, nil
}

func locking(err error) error {
	switch {
	case errors.Is(err, durable.ErrLocked):
		return ErrLocked
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("hlc: %w", err)
	}
	return &StorageError{Op: "lock", Err: err}
}

// start does all of OpenDurable that needs the lock.
func start(ctx context.Context, clock *Clock, dir durable.Directory, o DurableOptions) (*Durable, error) {
	state, err := readState(dir)
	if err != nil {
		return nil, err
	}
	d := &Durable{clock: clock, dir: dir, window: o.Window, slots: slotWriter{dir: dir, step: o.Window, last: DurableRecord{Node: o.Node}}}
	if err := d.recover(state, o); err != nil {
		return nil, err
	}
	if d.recovery.Waited, err = passBound(ctx, clock, d.recovery.Bound, o.MaxWait); err != nil {
		return nil, err
	}
	first := clock.Now() // above the old bound, and not handed out
	wall := durable.Plus(first.WallTime, int64(o.Window))
	if err := d.slots.begin(d.recovery.Bound, wall); err != nil {
		return nil, err
	}
	if !state.marked {
		if err := replaceFile(dir, markerName, []byte(markerText)); err != nil {
			return nil, err
		}
	}
	d.recovery.Incarnation = d.slots.last.Incarnation
	d.ahead = durable.NewAhead("hlc", wall, int64(o.Window), d.raise)
	return d, nil
}

// recover takes over what was saved, or refuses it.
func (d *Durable) recover(state savedState, o DurableOptions) error {
	if state.empty() {
		d.recovery.First = true
		if o.Existing {
			return ErrNoState
		}
		return nil
	}
	last, bound, damage, err := state.newest()
	if err != nil {
		return err
	}
	if last.Node != o.Node {
		return &WrongNodeError{Have: last.Node, Want: o.Node}
	}
	d.slots.last = last
	d.recovery.Clean, d.recovery.Bound, d.recovery.Damage = last.Clean && damage == nil, bound, damage
	return nil
}

// passBound moves the clock to the old bound, as if it were a remote timestamp: a
// bound that the clock does not believe yet is waited for.
func passBound(ctx context.Context, clock *Clock, bound Timestamp, maxWait time.Duration) (waited time.Duration, err error) {
	if bound.IsZero() {
		return 0, nil // nothing was handed out
	}
	began := time.Now()
	for {
		err := clock.pass(bound)
		var far *TooFarAheadError
		if !errors.As(err, &far) {
			return waited, err
		}
		need := far.Lead - far.Limit
		if need > maxWait-waited {
			return waited, &BoundTooFarError{Bound: bound, Lead: far.Lead, Limit: far.Limit, MaxWait: maxWait}
		}
		select {
		case <-time.After(min(need, time.Second)): // the clock may be stepped meanwhile
			waited = time.Since(began)
		case <-ctx.Done():
			return waited, fmt.Errorf("hlc: waiting for the clock to reach the saved bound: %w", ctx.Err())
		}
	}
}

// pass moves the clock to a bound if it believes a wall time that far ahead. (A
// bound may have any logical part.)
func (c *Clock) pass(bound Timestamp) error {
	if bound.WallTime > 0 {
		if _, err := c.believe(Timestamp{WallTime: bound.WallTime}); err != nil {
			return err
		}
	}
	c.raise(bound)
	return nil
}
