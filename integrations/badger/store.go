package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// layout is how a timestamp becomes one of Badger's versions. It has room until 2112; the committer assigns only what
// fits, so that no two commits get one version.
func layout() hlc.Layout { return hlc.Kudu() }

// Store is a Badger in managed mode whose transactions commit in the order of real time. Badger
// checks conflicts (optimistically, against the read timestamp) and keeps the versions; when a transaction commits, and what may be read, is
// the committer's to say.
//
// What managed mode leaves to its user, and what is done about it here:
//
//   - a commit at or below a timestamp that was read is accepted and changes the past: all commits and reads go through
//     one Committer, which assigns above every snapshot;
//   - two commits at one version become one: timestamps are rounded to the layout before they are unique;
//   - memory of conflicts is only freed below SetDiscardTs, and a commit below that panics: it follows SafeTime and the oldest
//     reader, at most;
//   - one version is kept below SetDiscardTs and all above it, so that reads from there on are complete.
type Store struct {
	db        *badger.DB
	committer *commitwait.Committer
	history   time.Duration

	mu      sync.Mutex
	reading map[hlc.Timestamp]int // open views by timestamp
	discard hlc.Timestamp         // versions below it may be gone
}

// TooOldError reports a read below what is kept.
type TooOldError struct{ TS, Oldest hlc.Timestamp }

func (e *TooOldError) Error() string {
	return fmt.Sprintf("badger: nothing is kept for reads at %v; the oldest is %v", e.TS, e.Oldest)
}

// Open opens the database in dir. history is for how long old versions are kept. The committer
// must be of this store alone, and assign above all that was committed and read before: Options.Layout must be
// Layout(), and Floor and Cover are those of an hlc.Durable.
func Open(dir string, history time.Duration, committer *commitwait.Committer, sync bool) (*Store, error) {
	db, err := badger.OpenManaged(badger.DefaultOptions(dir).WithSyncWrites(sync).WithNumVersionsToKeep(1).WithLogger(nil))
	if err != nil {
		return nil, err
	}
	return &Store{db: db, committer: committer, history: history, reading: map[hlc.Timestamp]int{}}, nil
}

// Close closes the database. Nobody may be using it.
func (s *Store) Close() error { return s.db.Close() }

// View calls read with a transaction at a snapshot, and returns its timestamp. Errors: those of Committer.Snapshot and of read,
// [*TooOldError].
func (s *Store) View(ctx context.Context, mode commitwait.Mode, read func(*badger.Txn) error) (hlc.Timestamp, error) {
	ts, err := s.committer.Snapshot(ctx, mode)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := s.begin(ts); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.end(ts)
	version, err := layout().Pack(ts)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	return ts, read(txn)
}

// Update runs a transaction and commits it with commit wait; a conflict runs it again, until ctx ends. Floors are
// timestamps that it must come after, such as a session's last.
//
// The transaction reads at the safe time, for which nobody waits. What was committed above that and is read here is a
// conflict, so that it cannot be missed.
func (s *Store) Update(ctx context.Context, change func(*badger.Txn) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	for {
		ts, err := s.try(ctx, change, floors)
		if !errors.Is(err, badger.ErrConflict) {
			return ts, err
		}
		if ctx.Err() != nil {
			return hlc.Timestamp{}, context.Cause(ctx)
		}
	}
}

func (s *Store) try(ctx context.Context, change func(*badger.Txn) error, floors []hlc.Timestamp) (hlc.Timestamp, error) {
	read, err := s.committer.Snapshot(ctx, commitwait.MaxStaleness(s.history/2))
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := s.begin(read); err != nil {
		return hlc.Timestamp{}, err
	}
	defer s.end(read)
	version, err := layout().Pack(read)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	txn := s.db.NewTransactionAt(version, true)
	defer txn.Discard()
	if err := change(txn); err != nil {
		return hlc.Timestamp{}, err
	}
	return s.committer.Commit(ctx, func(_ context.Context, ts hlc.Timestamp) error { return commitAt(txn, ts) }, floors...)
}

// commitAt writes the transaction. A conflict is certain; after any other error nobody knows.
func commitAt(txn *badger.Txn, ts hlc.Timestamp) error {
	version, err := layout().Pack(ts)
	if err != nil {
		return commitwait.NotApplied(err)
	}
	if err := txn.CommitAt(version, nil); errors.Is(err, badger.ErrConflict) {
		return commitwait.NotApplied(err)
	} else if err != nil {
		return err
	}
	return nil
}

// begin holds what a read at ts needs, or refuses it.
func (s *Store) begin(ts hlc.Timestamp) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ts.Before(s.discard) {
		return &TooOldError{TS: ts, Oldest: s.discard}
	}
	s.reading[ts]++
	return nil
}

func (s *Store) end(ts hlc.Timestamp) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading[ts]--; s.reading[ts] == 0 {
		delete(s.reading, ts)
	}
}

// Discard lets Badger forget what nobody can read any more: versions older than the history, and below
// the safe time and every open read. Call it now and then.
func (s *Store) Discard() error {
	safe := s.committer.SafeTime()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := hlc.Timestamp{WallTime: max(0, safe.WallTime-int64(s.history))}
	for ts := range s.reading {
		if ts.Before(oldest) {
			oldest = ts
		}
	}
	if !oldest.After(s.discard) {
		return nil
	}
	version, err := layout().Pack(oldest)
	if err != nil || version == 0 {
		return err
	}
	s.discard = oldest
	s.db.SetDiscardTs(version - 1) // what is at oldest is still read; it never goes back, or Badger ends the process
	return nil
}
