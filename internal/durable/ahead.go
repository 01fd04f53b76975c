package durable

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
)

// Ahead keeps a bound durable ahead of the numbers that somebody hands out, so that
// none is ever above what is on the disk. A number is drawn first and handed out once
// Cover says so; whoever gives up has burnt one.
//
// The bound reaches one step above the highest number that was asked for, and is renewed
// at half of it by a goroutine: a caller that did it would wait for the disk with half a
// step still left. Without calls nothing is written.
//
// The first error ends it. No number is covered any more, not even one below the
// bound: a service that stops now with a reason is better than one that stops in the
// middle of something else.
type Ahead struct {
	owner string // begins the text of errors
	step  int64
	raise func(bound int64) error

	half  atomic.Int64 // up to which nothing needs to be done; −1 when it has ended
	bound atomic.Int64 // durable

	mu      sync.Mutex
	want    int64         // highest that was asked for
	err     error         // why it has ended
	failed  error         // what raise returned; err too, unless it had been ended before
	changed chan struct{} // closed when bound or err changes
	waited  uint64

	kick   chan struct{} // room for one
	stop   chan struct{}
	joined chan struct{}
}

// NewAhead returns one whose bound is durable already. Its numbers are ≥ 0. Raise makes a higher
// bound durable before it returns nil; it is called by one goroutine, and never after
// an error. End must be called.
func NewAhead(owner string, bound, step int64, raise func(bound int64) error) *Ahead {
	a := &Ahead{
		owner: owner, step: step, raise: raise,
		changed: make(chan struct{}), kick: make(chan struct{}, 1), stop: make(chan struct{}), joined: make(chan struct{}),
	}
	a.use(bound)
	go a.run()
	return a
}

// Plus adds two numbers ≥ 0 and ends at the largest instead of wrapping.
func Plus(n, step int64) int64 {
	if step > math.MaxInt64-n {
		return math.MaxInt64
	}
	return n + step
}

// Bound returns the durable bound. It only rises.
func (a *Ahead) Bound() int64 { return a.bound.Load() }

// Cover returns nil once n is at or below the durable bound, the error that ended it,
// or one that wraps that of ctx. In the first half of the step it costs an atomic load.
func (a *Ahead) Cover(ctx context.Context, n int64) error {
	if n <= a.half.Load() {
		return nil
	}
	return a.coverSlow(ctx, n)
}

func (a *Ahead) coverSlow(ctx context.Context, n int64) error {
	for waited := false; ; waited = true {
		covered, changed, err := a.ask(n, !waited)
		if covered || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s: waiting for the bound to be durable: %w", a.owner, ctx.Err())
		}
	}
}

// ask says whether n is covered, and has the bound renewed.
func (a *Ahead) ask(n int64, first bool) (covered bool, changed <-chan struct{}, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return false, nil, a.err
	}
	if n > a.half.Load() {
		a.want = max(a.want, n)
		select {
		case a.kick <- struct{}{}:
		default: // it has been told, and has not looked yet
		}
	}
	covered = n <= a.bound.Load()
	if !covered && first {
		a.waited++
	}
	return covered, a.changed, nil
}

// run is the only goroutine; End joins it.
func (a *Ahead) run() {
	defer close(a.joined)
	for {
		select {
		case <-a.stop:
			return
		case <-a.kick:
			a.renew()
		}
	}
}

// renew makes the next bound durable, and only then lets it be used.
func (a *Ahead) renew() {
	a.mu.Lock()
	want, over := a.want, a.err != nil || a.want <= a.half.Load()
	a.mu.Unlock()
	if over {
		return
	}
	bound := Plus(want, a.step)
	err := a.raise(bound)

	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = err
	switch {
	case a.err != nil: // ended meanwhile
	case err != nil:
		a.end(err)
	default:
		a.use(bound)
		a.wake()
	}
}

// use lets numbers up to bound be handed out.
func (a *Ahead) use(bound int64) {
	a.bound.Store(bound)
	if bound < math.MaxInt64 { // else there is nothing above it to prepare for
		bound -= a.step / 2
	}
	a.half.Store(bound)
}

// end stops everything with err. The caller holds the mutex.
func (a *Ahead) end(err error) {
	a.err = err
	a.half.Store(-1)
	a.wake()
}

func (a *Ahead) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// End makes Cover return why from now on, unless it has ended already, and waits for a raise
// that is under way. It returns what raise has returned: after an error nothing more
// should be tried. It must not be called twice.
func (a *Ahead) End(why error) (failed error) {
	a.mu.Lock()
	if a.err == nil {
		a.end(why)
	}
	a.mu.Unlock()
	close(a.stop)
	<-a.joined
	return a.failed
}

// Waited returns how many calls of Cover had to wait.
func (a *Ahead) Waited() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waited
}
