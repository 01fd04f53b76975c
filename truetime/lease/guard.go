package lease

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
)

// Guard holds a lease and renews it, and says whether it is valid. Make one with [Acquire]. It is safe for concurrent use.
type Guard struct {
	clock   *truetime.Clock
	store   Store
	name    string
	options Options

	state atomic.Pointer[state] // immutable, and replaced as a whole

	mu     sync.Mutex    // of who replaces the state, and of what follows
	inside int           // uses under way
	empty  chan struct{} // nil if nobody waits for that; closed when there are none

	turn    chan struct{} // whoever takes what is in it may swap, one at a time; a channel, since who waits may give up
	given   bool          // back; the store has said so
	pending Record        // a renewal whose outcome is unknown; made again as it was until it is known

	life   context.Context // ends when the lease is lost or given back, with the reason
	end    context.CancelCauseFunc
	joined chan struct{}
}

type state struct {
	record  Record // that the store has confirmed
	over    error  // not nil: for good
	trouble error  // of the last renewal
}

func (b *bid) guard() *Guard {
	g := &Guard{clock: b.clock, store: b.store, name: b.name, options: b.options, turn: make(chan struct{}, 1), joined: make(chan struct{})}
	g.turn <- struct{}{}
	g.state.Store(&state{record: b.next})
	g.life, g.end = context.WithCancelCause(context.Background())
	go g.keep()
	return g
}

// Token returns the fencing token of the grant. It stays the same for the life of the guard.
func (g *Guard) Token() fencing.Token { return g.state.Load().record.Token }

// Valid returns nil if at an instant within the call the lease was surely not over. It costs what the clock's Now does.
//
// Errors: [*ExpiredError], which may go away; [*ClockError]; [*LostError] and [ErrReleased], which are final.
//
// HAZARD: an instant later it may be over, after however long the process is stopped. Write with the token, to
// something that compares it.
func (g *Guard) Valid() error {
	_, err := g.remaining()
	return err
}

// remaining returns for how long true time surely does not reach the expiry, and an error if that is not so at all. The state is
// loaded first and the clock read afterwards: a renewal in between errs on the safe side.
func (g *Guard) remaining() (time.Duration, error) {
	s := g.state.Load()
	if s.over != nil {
		return 0, s.over
	}
	now, err := g.clock.Now()
	if err != nil {
		return 0, &ClockError{Err: err}
	}
	if !s.record.heldAt(now) {
		return 0, &ExpiredError{
			Name: g.name, Token: s.record.Token, Expiry: time.Unix(0, s.record.Expiry).UTC(),
			Late: time.Duration(now.LatestUnixNano() - s.record.Expiry), Renewal: s.trouble,
		}
	}
	return time.Duration(s.record.Expiry - now.LatestUnixNano()), nil
}

// Done is closed when the lease is lost or given back: not when it is expired, since it may come back.
func (g *Guard) Done() <-chan struct{} { return g.life.Done() }

// Drop ends the lease for this guard at once, without a word to the store, where it runs out: for whoever has noticed that the process
// stood still, or that the machine must not go on. The contexts of uses end with a [*LostError] that wraps cause. Release gives the rest
// back. It does not wait, and may be called from within a use.
func (g *Guard) Drop(cause error) {
	if cause == nil {
		cause = errors.New("no cause was given")
	}
	g.finish(&LostError{Name: g.name, Token: g.Token(), Cause: cause})
}

// finish ends it for good, unless it has ended already.
func (g *Guard) finish(why error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := *g.state.Load(); s.over == nil {
		s.over = why
		g.state.Store(&s)
	}
	g.end(why)
}

// Release ends the guard, waits for the uses under way, and then lets others have the lease at once. If ctx ends before, or the
// store's answer is lost, they must wait until it is over by itself; the error says so. A [*LostError] without a Cause: it was lost before. It
// must not be called from within a use, for which it would wait. A second Release gives back what the first one could not.
func (g *Guard) Release(ctx context.Context) error {
	g.finish(ErrReleased)
	if err := g.wait(ctx, g.idle(), "in use"); err != nil {
		return err
	}
	if err := g.wait(ctx, g.joined, "being renewed"); err != nil {
		return err
	}
	if err := g.wait(ctx, g.turn, "being given back"); err != nil {
		return err
	}
	defer func() { g.turn <- struct{}{} }()
	return g.giveBack(ctx)
}

func (g *Guard) wait(ctx context.Context, over <-chan struct{}, what string) error {
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return &WaitError{Name: g.name, Cause: context.Cause(ctx), Reason: errors.New("lease: it is " + what)}
	}
}

// enter begins a use, unless the lease has ended for good.
func (g *Guard) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if over := g.state.Load().over; over != nil {
		return over
	}
	g.inside++
	return nil
}

func (g *Guard) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// idle returns a channel that is closed when no use is under way; none begins any more.
func (g *Guard) idle() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside == 0 {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	return g.empty
}
