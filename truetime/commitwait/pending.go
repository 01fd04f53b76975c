package commitwait

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// State says how far a commit is.
type State int

// The states of a commit; it ends Visible or Aborted. Unknown ends by Resolve.
const (
	Assigned State = iota // may still be aborted
	Writing               // Run is at it
	Durable               // is committed, and not to be seen yet
	Decided               // is committed by the coordinator, and not applied here yet: see Prepared
	Visible               // is committed and has passed
	Aborted               // is certainly not in the store, and never will be
	Unknown               // nobody knows whether it is in the store
)

func (s State) String() string {
	return [...]string{"assigned", "writing", "durable", "decided", "visible", "aborted", "unknown"}[s]
}

// Pending is a commit whose timestamp is assigned, for stores that replicate: the wait and the
// replication run side by side. Its methods are safe for concurrent use.
//
//	p, err := committer.Assign(ctx)            // locks are held
//	err = p.Run(ctx, func(ctx context.Context, ts hlc.Timestamp) error { return log.Replicate(ctx, ts, writes) })
//	// now unlock, and acknowledge
//
// Readers must come through Snapshot or WaitSafe: the data is in the store before it may be seen.
type Pending struct {
	c            *Committer
	ts           hlc.Timestamp
	above, below *Pending // in flight; behind the mutex of the Committer, as are state, changed and entered
	state        State
	vote         bool          // of a transaction that another shard decides
	changed      chan struct{} // made for the first who waits; closed when the state changes, or it enters
	entered      bool          // the store knows of it (CommitInOrder), and so did it of all below

	uncertainty, lead, predicted time.Duration
	began                        time.Time
}

// TS is the commit timestamp. It is a secret until the commit is visible.
func (p *Pending) TS() hlc.Timestamp { return p.ts }

// State says how far the commit is.
func (p *Pending) State() State {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.state
}

// Run has durable make the transaction durable, returns when its timestamp has certainly
// passed as well, and has made it visible. Only the longer of both is waited for. durable is told by its ctx when to give up; what its error
// means is said at [Committer.Commit], and here an [*ApplyError] and an [*OutcomeUnknownError] say the same.
//
// [ErrClosed] says that the Committer was closed before Run began: nothing was written. If ctx (or the Committer) ends after the transaction was durable, the error is a [*NotYetVisibleError]: it IS
// committed, and must be neither acknowledged nor shown. Then Wait, or Detach.
func (p *Pending) Run(ctx context.Context, durable func(ctx context.Context, ts hlc.Timestamp) error) error {
	if durable == nil {
		return errors.New("commitwait: Run needs a function that makes the transaction durable")
	}
	if !p.c.enter() {
		return ErrClosed
	}
	defer p.c.waiters.Done()
	if err := p.perform(ctx, durable); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// perform calls what writes to the store and takes down what became of it.
func (p *Pending) perform(ctx context.Context, write func(ctx context.Context, ts hlc.Timestamp) error) (err error) {
	if state, ok := p.become(Writing); !ok {
		return &StateError{TS: p.ts, State: state}
	}
	outcome := Unknown // if it panics
	defer func() { p.become(outcome) }()
	switch err = write(ctx, p.ts); {
	case err == nil:
		outcome = Durable
		return nil
	case certainlyNot(err):
		outcome = Aborted
		return &ApplyError{TS: p.ts, Err: err}
	}
	return &OutcomeUnknownError{TS: p.ts, Err: err}
}

// Wait returns nil when the commit is visible: durable and certainly passed. Any number of
// goroutines may wait, at any time and again. Errors: [*NotYetVisibleError] when ctx or the Committer ends, or ctx
// would end too early; [*StateError] when it was aborted or nobody knows.
func (p *Pending) Wait(ctx context.Context) error {
	for {
		state, changed := p.watch()
		switch state {
		case Visible:
			return nil
		case Durable:
			return p.outwait(ctx)
		case Aborted, Unknown:
			return &StateError{TS: p.ts, State: state}
		}
		if err := p.c.await(ctx, changed); err != nil {
			return p.c.notYet(p.ts, err)
		}
	}
}

// outwait opens the gate of a durable commit when its timestamp has passed.
func (p *Pending) outwait(ctx context.Context) error {
	began := time.Now()
	if err := p.c.passed(ctx, p.ts, began.Sub(p.began) >= p.predicted); err != nil {
		return p.c.notYet(p.ts, err)
	}
	refused, err := p.c.observe(p.ts)
	if err != nil {
		return p.c.notYet(p.ts, err)
	}
	p.openAfter(p.ts, time.Since(began), refused)
	return nil
}

// notYet is the error of a commit that is decided and whose wait has ended early.
func (c *Committer) notYet(ts hlc.Timestamp, cause error) error {
	remaining, err := c.clock.UntilAfter(ts.Time())
	if err != nil {
		remaining = -1
	}
	return &NotYetVisibleError{TS: ts, Remaining: remaining, Cause: cause}
}

// Abort says that the transaction was not and will not be written. Its timestamp is never used again. It
// returns a [*StateError] if Run has begun to write, since only its result tells then.
func (p *Pending) Abort() error {
	if state, _ := p.become(Aborted); state != Aborted {
		return &StateError{TS: p.ts, State: state}
	}
	return nil
}

// openAfter makes the commit visible, at ts, which for a vote is what was decided. Only the first who does tells OnCommit.
func (p *Pending) openAfter(ts hlc.Timestamp, waited time.Duration, refused error) {
	if _, ok := p.become(Visible); !ok {
		return
	}
	if report := p.c.options.OnCommit; report != nil {
		report(CommitStats{
			TS: ts, Uncertainty: p.uncertainty, Lead: p.lead, Predicted: p.predicted, Waited: waited, Took: time.Since(p.began), Refused: refused,
		})
	}
}

// Detach has the wait of a durable commit finished in the background, by a goroutine that Close ends. It
// returns a [*StateError] if the commit is not durable, and [ErrClosed].
func (p *Pending) Detach() error {
	if state := p.State(); state != Durable && state != Visible {
		return &StateError{TS: p.ts, State: state}
	}
	if !p.c.enter() {
		return ErrClosed
	}
	go func() {
		defer p.c.waiters.Done()
		_ = p.Wait(p.c.closing) // its only error is that of Close, after which nobody serves
	}()
	return nil
}

// next says which states may follow which.
var next = [...][]State{
	Assigned: {Writing, Aborted},
	Writing:  {Durable, Aborted, Unknown},
	Durable:  {Visible},
	Decided:  {Visible},
	Unknown:  {Durable, Aborted},
	Visible:  nil,
	Aborted:  nil,
}

// become changes the state, if that may follow, and returns what it is then.
func (p *Pending) become(state State) (is State, changed bool) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if !slices.Contains(next[p.state], state) {
		return p.state, false
	}
	p.state = state
	if state == Visible || state == Aborted {
		p.c.flights.remove(p)
	}
	p.tell()
	return state, true
}

// tell wakes those who wait for a change. The caller holds the mutex.
func (p *Pending) tell() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// watch returns the state and a channel that is closed when it changes.
func (p *Pending) watch() (State, <-chan struct{}) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.state, p.watched()
}

// watched is the channel that is closed when the state changes. The caller holds the mutex.
func (p *Pending) watched() <-chan struct{} {
	if p.changed == nil {
		p.changed = make(chan struct{})
	}
	return p.changed
}
