package lease

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// DefaultTTL is how long a lease lasts unless configured.
const DefaultTTL = 10 * time.Second

// MaxName is how long the names of leases and holders may be, in bytes.
const MaxName = 255

// Options configures a lease. Holder must be set.
type Options struct {
	// Holder is who holds it, for others to read.
	Holder string
	// TTL is how long a grant and a renewal last, from the earliest possible true time; 0 means DefaultTTL. The holder may
	// act for TTL − 2ε of it, is renewed at half, and if it is lost nobody holds the lease for up to TTL and what the clocks do
	// not know. It must be at least a millisecond, and twice the width of the clock's interval.
	TTL time.Duration
	// Poll is how often Acquire looks at a lease that somebody else holds; 0 means an eighth of TTL.
	Poll time.Duration
}

func (o Options) validate(clock *truetime.Clock, store Store, name string) (Options, error) {
	switch {
	case clock == nil || store == nil:
		return o, errors.New("lease: it needs a clock and a store")
	case name == "" || len(name) > MaxName || o.Holder == "" || len(o.Holder) > MaxName:
		return o, fmt.Errorf("lease: the names of a lease and of its holder have 1 to %d bytes", MaxName)
	case o.TTL == 0:
		o.TTL = DefaultTTL
	}
	if o.TTL < time.Millisecond || o.Poll < 0 {
		return o, fmt.Errorf("lease: a TTL of %v, or Poll of %v, is too short", o.TTL, o.Poll)
	}
	if o.Poll == 0 {
		o.Poll = o.TTL / 8
	}
	return o, nil
}

// bid is an attempt to get a lease. One whose outcome is unknown is made again as it was, until it is known: at most
// one is ever under way.
type bid struct {
	clock       *truetime.Clock
	store       Store
	name        string
	options     Options
	incarnation uint64

	made      bool // and not known to have failed
	old, next Record
}

func newBid(clock *truetime.Clock, store Store, name string, o Options) (*bid, error) {
	o, err := o.validate(clock, store, name)
	if err != nil {
		return nil, err
	}
	return &bid{clock: clock, store: store, name: name, options: o, incarnation: rand.Uint64()}, nil
}

// Acquire waits until it is granted the lease, as long as ctx lasts, and keeps it until the guard's Release, which must be called. It waits out a
// store and a clock that fail. If the store took longer than the lease lasts, the lease is valid after its first renewal only. The error is a [*WaitError], or one for arguments that cannot be, or [ErrExhausted].
func Acquire(ctx context.Context, clock *truetime.Clock, store Store, name string, o Options) (*Guard, error) {
	b, err := newBid(clock, store, name, o)
	if err != nil {
		return nil, err
	}
	var last error
	for {
		if ctx.Err() != nil {
			return nil, &WaitError{Name: name, Cause: context.Cause(ctx), Reason: last}
		}
		pause, err := b.options.Poll, b.try(ctx)
		var held *HeldError
		switch {
		case err == nil:
			return b.guard(), nil
		case errors.Is(err, ErrExhausted):
			return nil, err
		case errors.As(err, &held):
			pause = min(pause, max(held.Wait, time.Microsecond)) // a clock may be coarse
		}
		last = err
		sleep(ctx, pause)
	}
}

// TryAcquire makes one attempt. Errors: [*HeldError]; [*ClockError], [*UncertaintyError], truetime.ErrOutOfRange and [ErrExhausted], with which
// nothing was granted; [*OutcomeUnknownError]; those of the store's Read, and of ctx.
func TryAcquire(ctx context.Context, clock *truetime.Clock, store Store, name string, o Options) (*Guard, error) {
	b, err := newBid(clock, store, name, o)
	if err != nil {
		return nil, err
	}
	if err := b.try(ctx); err != nil {
		return nil, err
	}
	return b.guard(), nil
}

// try looks whether the lease is over, and if it is, swaps the very record that it has looked at. After a conflict somebody
// else was faster, and it looks again.
func (b *bid) try(ctx context.Context) error {
	for {
		if !b.made {
			if err := b.make(ctx); err != nil {
				return err
			}
		}
		err := b.store.CompareAndSwap(ctx, b.name, b.old, b.next)
		b.made = err != nil && !errors.Is(err, ErrConflict)
		switch {
		case err == nil:
			return nil
		case b.made:
			return &OutcomeUnknownError{Name: b.name, Expiry: time.Unix(0, b.next.Expiry).UTC(), Err: err}
		case ctx.Err() != nil:
			return fmt.Errorf("lease: %q is another's: %w", b.name, context.Cause(ctx))
		}
	}
}

// make reads the record first and the clock afterwards.
func (b *bid) make(ctx context.Context) error {
	old, err := b.store.Read(ctx, b.name)
	if err != nil {
		return fmt.Errorf("lease: reading the record of %q: %w", b.name, err)
	}
	now, err := b.clock.Now()
	if err != nil {
		return &ClockError{Err: err}
	}
	if !old.overAt(now) {
		return b.held(old, now)
	}
	next, err := old.granted(now, b.options.Holder, b.incarnation, b.options.TTL)
	if err != nil {
		return err
	}
	b.made, b.old, b.next = true, old, next
	return nil
}

func (b *bid) held(r Record, now truetime.Interval) error {
	wait := time.Duration(math.MaxInt64)
	if gap := r.Expiry - now.EarliestUnixNano(); gap >= 0 && gap < math.MaxInt64 { // else it does not fit
		wait = time.Duration(gap) + 1 // strictly after
	}
	return &HeldError{Name: b.name, Holder: r.Holder, Token: r.Token, Expiry: time.Unix(0, r.Expiry).UTC(), Wait: wait}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
