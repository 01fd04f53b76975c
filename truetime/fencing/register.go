package fencing

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/trueclock/trueclock/internal/durable"
)

// Register is what a storage puts in front of its writes: it knows the highest token of each resource, across restarts
// and crashes, and refuses lower ones. Make one with [Open].
//
//   - A maximum never falls: a new one is made durable (file, sync, rename, sync of the directory, in two copies) before anybody is
//     told yes.
//   - Only a new maximum writes to the disk. New ones that come while it is busy share the next write. Others are looked up in memory, without a lock.
//   - An error of the disk ends the register for good: every call returns the same [*StorageError] from then on.
//   - One process at a time uses a directory.
//
// HAZARD: an old copy of the directory (a restored backup, a cloned machine) has forgotten maxima, and nothing here can notice: state
// a Floor. And it is as durable as a sync of the file system is: a tmpfs forgets everything with the machine.
//
// It is safe for concurrent use.
type Register struct {
	dir      durable.Directory
	options  Options
	floor    Token
	recovery Recovery

	known atomic.Pointer[index] // of all; empty when it has ended, so that the fast way fails

	mu    sync.Mutex // of what follows
	all   map[string]*resource
	late  int // looks for what is not in the index yet
	ended error

	raises chan *resource // with room for all: each is in it once at most
	stop   chan struct{}
	joined chan struct{}
	saved  table // of the goroutine, and of Close after it
	slots  slotWriter

	closing  sync.Once
	closeErr error
}

func newRegister(dir durable.Directory, w slotWriter, saved table, found Recovery, o Options) *Register {
	r := &Register{
		dir: dir, options: o, floor: saved.floor, recovery: found, all: map[string]*resource{},
		raises: make(chan *resource, max(o.MaxResources, len(saved.max))), stop: make(chan struct{}), joined: make(chan struct{}),
		saved: saved, slots: w,
	}
	for name, token := range saved.max {
		s := &resource{name: name}
		s.max.Store(uint64(max(token, saved.floor)))
		r.all[name] = s
	}
	r.publish()
	go r.run()
	return r
}

// publish has the fast way see all that is known. The caller holds the mutex, or is alone.
func (r *Register) publish() {
	r.known.Store(newIndex(r.all))
	r.late = 0
}

// missed publishes when that pays. An index costs as much as it has names: one for each new name would be the square of that, for a client
// who makes names up. The caller holds the mutex.
func (r *Register) missed() {
	if r.late++; 16*r.late > len(r.all) {
		r.publish()
	}
}

// Recovery returns what the start found.
func (r *Register) Recovery() Recovery { return r.recovery }

// Check returns nil if no higher token than this one was ever accepted for the resource, and none below it will be from now on. One
// above the maximum waits for the disk, and for the writes of [Register.Do] with older ones, until ctx ends; the error then wraps
// ctx.Err(), and the token may have become the maximum or not. One that is the maximum costs less
// than two mutexes (BenchmarkCheck), does not allocate, and needs no context.
//
// Other errors: [*StaleError], [ErrNoToken], [ErrResource], [*FullError], [*StepError], [*StorageError], [ErrClosed].
//
// HAZARD: between Check and a write that follows, a higher token may come. A storage that does not compare the token
// itself, in the same step as it writes, needs Do.
func (r *Register) Check(ctx context.Context, name string, token Token) error {
	if s := r.known.Load().find(name); s != nil && s.max.Load() == uint64(token) && token != 0 {
		return nil
	}
	s, err := r.find(name, token, false)
	if err != nil || s == nil {
		return err
	}
	return s.admit(ctx, token, false, r.limits())
}

// Do calls write if Check would return nil, and returns its error. No write of a lower token is under way meanwhile, nor will be; and
// a higher one waits until it has returned. Writes with the same token may run side by side. Errors before write is called:
// those of Check, with the context, which write gets too.
//
// HAZARD: a write that does not return locks the next holder out. And one that returns while its bytes are still on their way
// to the storage, after a time-out, is not over: the register belongs where the bytes are written.
//
// HAZARD: do not call Do of the same resource from within write: with a higher token it waits for itself, and with the same one for somebody
// with a higher one, who waits for it. Check of the same token does not wait.
func (r *Register) Do(ctx context.Context, name string, token Token, write func(context.Context) error) error {
	s, err := r.find(name, token, true)
	if err != nil {
		return err
	}
	if err := s.admit(ctx, token, true, r.limits()); err != nil {
		return err
	}
	defer s.leave()
	return write(ctx)
}

// Highest returns the maximum of the resource, 0 if it has none: for people, and for tests.
func (r *Register) Highest(name string) Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.all[name]; s != nil {
		return s.highest()
	}
	return r.floor
}

// find returns the resource, and makes it if the token deserves that. For a check of a resource that was never seen with exactly
// the floor it is nil: that needs none.
func (r *Register) find(name string, token Token, write bool) (*resource, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.all[name]
	switch {
	case r.ended != nil:
		return nil, r.ended
	case token == 0:
		return nil, ErrNoToken
	case s != nil:
		if r.known.Load().find(name) == nil {
			r.missed()
		}
		return s, nil
	case name == "" || len(name) > MaxName:
		return nil, ErrResource
	case token < r.floor:
		return nil, &StaleError{Resource: name, Token: token, Highest: r.floor}
	case token == r.floor && !write:
		return nil, nil
	case r.options.MaxStep > 0 && uint64(token-r.floor) > r.options.MaxStep:
		return nil, &StepError{Resource: name, Token: token, Highest: r.floor, MaxStep: r.options.MaxStep}
	case len(r.all) >= r.options.MaxResources:
		return nil, &FullError{Resource: name, Limit: r.options.MaxResources}
	}
	s = &resource{name: name}
	s.max.Store(uint64(r.floor))
	r.all[name] = s
	r.missed()
	return s, nil
}

func (r *Register) limits() limits {
	return limits{step: r.options.MaxStep, raise: func(s *resource) { r.raises <- s }}
}

// Close ends the register, waits for the writes of Do that are under way, and releases the directory. Calls that wait return
// [ErrClosed]. From within a write it would wait for itself. It returns the [*StorageError] that ended the register, or that it met itself.
func (r *Register) Close() error {
	r.closing.Do(func() {
		r.end(ErrClosed)
		close(r.stop)
		<-r.joined
		for _, s := range r.all { // nobody adds to it any more
			s.drain() // who gets the directory next must not let a higher token in before
		}
		if r.ended != ErrClosed {
			r.closeErr = r.ended
		}
		if err := r.dir.Unlock(); r.closeErr == nil && err != nil {
			r.closeErr = &StorageError{Op: "unlock", Err: err}
		}
	})
	return r.closeErr
}

// end refuses everything from now on, unless it has ended already.
func (r *Register) end(why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended != nil {
		return
	}
	r.ended = why
	r.known.Store(&index{})
	for _, s := range r.all {
		s.end(why)
	}
}
