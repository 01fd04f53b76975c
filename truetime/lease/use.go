package lease

import (
	"context"
	"time"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// Grant is what a use of the lease has: the token to write with, and a way to look again.
type Grant struct {
	Token fencing.Token
	guard *Guard
}

// Valid is [Guard.Valid], for a second look just before a write.
func (g Grant) Valid() error { return g.guard.Valid() }

// Do calls use if the lease is valid, and returns its error. Its context carries the token (fencing.FromContext), and ends when ctx
// does, when the lease is lost, and at a deadline before the lease can be over, if it is not renewed until then: a
// quarter of what is left is taken off, since the timers of a program may be slewed by up to 23 %. For longer work call Do again.
//
// If the lease is not valid when use returns, the result is an [*OverranError], also if use returned nil. Errors before use is called: those of Valid.
//
// HAZARD: a stopped process does not see a deadline. Only a storage that compares the token stops its write.
func (g *Guard) Do(ctx context.Context, use func(ctx context.Context, grant Grant) error) error {
	if err := g.enter(); err != nil {
		return err
	}
	defer g.leave()
	began := time.Now() // before the look, so that what it takes counts
	left, err := g.remaining()
	if err != nil {
		return err
	}
	ctx, cancel := g.limited(ctx, began.Add(left-left/4))
	defer cancel()
	err = use(ctx, Grant{Token: g.Token(), guard: g})
	if why := g.Valid(); why != nil {
		return &OverranError{Why: why, Err: err}
	}
	return err
}

// limited returns the context of a use.
func (g *Guard) limited(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(fencing.NewContext(ctx, g.Token()))
	stop := context.AfterFunc(g.life, func() { end(context.Cause(g.life)) })
	ctx, cancel := context.WithDeadline(ctx, deadline)
	return ctx, func() {
		stop()
		cancel()
		end(context.Canceled)
	}
}
