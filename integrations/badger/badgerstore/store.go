package badgerstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// Store is a Badger in managed mode, with commit wait. Make one with [Open]. It is safe for concurrent use.
type Store struct {
	db        *badger.DB
	clock     *truetime.Clock
	committer *commitwait.Committer
	bound     *hlc.Durable // nil in some tests
	history   time.Duration
	unsynced  bool

	mu        sync.Mutex
	reading   holds         // timestamps at which somebody reads: nothing above the lowest is dropped
	updating  holds         // those of Updates: writes above the lowest are remembered
	conflicts conflicts     // what was written lately
	discarded hlc.Timestamp // reads below it are refused
	stats     Stats
	failed    error // an outcome that nobody knows
	closed    bool

	writing    chan struct{} // a place for each write that Badger has
	handing    sync.Mutex
	last       chan struct{} // closed when the outcome of the last write that Badger was handed is known, and of all before it
	discarding sync.Mutex    // one Discard at a time
	users      sync.WaitGroup
	closing    sync.Once
	closeErr   error
}

// History is for how long snapshots can be read again.
func (s *Store) History() time.Duration { return s.history }

// View calls read with a transaction at a snapshot, and returns the snapshot's timestamp. At that timestamp every read gives the same
// answer, now and later.
//
// Errors: those of Committer.Snapshot and of read; [*TooOldError]; [*FailedError].
func (s *Store) View(ctx context.Context, mode commitwait.Mode, read func(*Txn) error) (hlc.Timestamp, error) {
	if err := s.enter(); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.users.Done()
	ts, err := s.committer.Snapshot(ctx, mode)
	if err != nil {
		return hlc.Timestamp{}, s.because(err)
	}
	if err := s.hold(ts, false); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.release(ts, false)
	txn, err := s.begin(ts, false)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	defer txn.end()
	return ts, read(txn)
}

// Update runs a transaction and commits it, and returns its timestamp, at which it has happened: as if all that it read had been
// read then, nothing that was acknowledged before Update was called is missed, and nothing is seen of it before. That holds for one that writes nothing, too. Floors are timestamps
// that it must come after, such as a session's last.
//
// If it conflicts with another one it is run again, until ctx ends: change must have no effect but through its Txn. It reads at the
// safe time, for which nobody waits; what was written above that and read here is a conflict. If change returns an error it is run again at a
// strong snapshot, and the error of that run counts: it does not come from the past.
//
// After an [*commitwait.OutcomeUnknownError] the transaction may be committed or not, and the store has failed. After all other errors
// it is not: those of change, of Committer.Commit; [*TooOldError], when it took longer than the history; [*FailedError].
func (s *Store) Update(ctx context.Context, change func(*Txn) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	if err := s.enter(); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.users.Done()
	mode, fresh := commitwait.MaxStaleness(s.history/2), false
	for {
		ts, err := s.try(ctx, mode, change, floors)
		switch err := err.(type) {
		case *conflictError:
			mode = mode.AtLeast(err.with)
		case *changeError: // a refusal is an answer, and must not come from the past either
			if fresh {
				return hlc.Timestamp{}, err.error
			}
			mode, fresh = commitwait.Strong(), true
		default:
			return ts, s.because(err)
		}
		if ctx.Err() != nil {
			return hlc.Timestamp{}, context.Cause(ctx)
		}
	}
}

// try runs the transaction once. A *conflictError and a *changeError are returned as themselves.
func (s *Store) try(ctx context.Context, mode commitwait.Mode, change func(*Txn) error, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	ts, err := s.committer.Snapshot(ctx, mode)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := s.hold(ts, true); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.release(ts, true)
	txn, err := s.begin(ts, true)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	defer txn.end()
	if err := change(txn); err != nil {
		return hlc.Timestamp{}, &changeError{err}
	}
	if err := s.stale(txn); err != nil { // before it waits for nothing
		return hlc.Timestamp{}, err
	}
	ts, err = s.committer.CommitInOrder(ctx, func(_ context.Context, ts hlc.Timestamp) (func() error, error) { return s.apply(txn, ts) }, floors...)
	var conflict *conflictError
	if errors.As(err, &conflict) {
		return hlc.Timestamp{}, conflict
	}
	return ts, err
}

// places is how many writes Badger has at most. It takes all that there are as one batch, and answers when the last is on the disk.
// Many clients, all in one batch, would then wait for their next timestamps at the same time, while the disk has nothing to do. Fewer places
// make smaller batches, each of which costs a sync of its own.
const places = 64

// apply looks for conflicts, remembers what is written, and hands it to Badger, which writes in this order. It is called in the order of
// the timestamps, and returns a function that waits for the disk.
func (s *Store) apply(txn *Txn, ts hlc.Timestamp) (durable func() error, err error) {
	version, err := layout.Pack(ts)
	if err != nil {
		return nil, commitwait.NotApplied(err)
	}
	if err := s.admit(txn, ts); err != nil {
		return nil, commitwait.NotApplied(err)
	}
	if len(txn.writes) == 0 {
		return nil, nil
	}
	return s.hand(txn.txn, version)
}

// hand gives Badger a write, and returns a function that waits for the disk, and must be called. All writes come this way. Badger answers them in
// any order, and a sync that says yes may follow one that has failed and lost what lies before it in the log. So each waits for those
// that were handed over before it, and is not acknowledged if one of them failed.
func (s *Store) hand(txn *badger.Txn, version uint64) (durable func() error, err error) {
	written, settled := make(chan error, 1), make(chan struct{})
	s.writing <- struct{}{}
	s.handing.Lock()
	defer s.handing.Unlock()
	if err := txn.CommitAt(version, func(err error) { <-s.writing; written <- err }); err != nil { // never: the callback is told
		return nil, err
	}
	before := s.last
	s.last = settled
	return func() error {
		defer close(settled)
		err := <-written
		<-before
		return s.outcome(err)
	}, nil
}

// stale returns an error if something that the transaction has read was written since.
func (s *Store) stale(txn *Txn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check(txn)
}

func (s *Store) check(txn *Txn) error {
	err := s.conflicts.check(txn.ts, txn.reads, txn.prefixes)
	if err != nil {
		s.stats.Conflicts++
	}
	return err
}

// admit lets a transaction happen at ts, if nothing that it has read was written since, and remembers what it writes.
func (s *Store) admit(txn *Txn, ts hlc.Timestamp) error {
	safe := s.committer.SafeTime()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return &FailedError{s.failed}
	}
	if err := s.check(txn); err != nil {
		return err
	}
	s.conflicts.add(ts, txn.writes)
	if s.conflicts.full() {
		s.conflicts.forget(latest(s.updating.lowest(safe), ago(safe, s.history)))
	}
	return nil
}

// outcome says what Badger's answer to a write means, if those to all before it are known. The two errors that it gives before anything is
// written are certain. A yes is none once another write has failed.
func (s *Store) outcome(err error) error {
	switch {
	case err == nil:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed != nil {
			return &FailedError{s.failed}
		}
		return nil
	case errors.Is(err, badger.ErrBlockedWrites), errors.Is(err, badger.ErrTxnTooBig):
		return commitwait.NotApplied(err)
	}
	_ = s.fail(err)
	return err
}

// fail refuses everything from now on, ends the waits, and returns a *FailedError.
func (s *Store) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
		s.users.Go(func() { _ = s.committer.Close() }) // which waits for its commits: not here
	}
	return &FailedError{s.failed}
}
