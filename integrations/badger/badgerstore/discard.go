package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// holds counts who needs what is above a timestamp.
type holds map[hlc.Timestamp]int

func (h holds) add(ts hlc.Timestamp) { h[ts]++ }

func (h holds) remove(ts hlc.Timestamp) {
	if h[ts]--; h[ts] == 0 {
		delete(h, ts)
	}
}

// lowest returns the lowest of them and ts.
func (h holds) lowest(ts hlc.Timestamp) hlc.Timestamp {
	for held := range h {
		if held.Before(ts) {
			ts = held
		}
	}
	return ts
}

// enter registers a user, for Close.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil:
		return &FailedError{s.failed}
	case s.closed:
		return commitwait.ErrClosed
	}
	s.users.Add(1)
	return nil
}

// hold keeps what a transaction at ts needs, or refuses it. An Update that comes too late to be told its conflicts is
// run again.
func (s *Store) hold(ts hlc.Timestamp, update bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch known := latest(s.discarded, s.conflicts.forgotten); {
	case update && ts.Before(known):
		return &conflictError{with: known}
	case ts.Before(s.discarded):
		return &TooOldError{TS: ts, Oldest: s.discarded}
	}
	s.reading.add(ts)
	if update {
		s.updating.add(ts)
	}
	return nil
}

func (s *Store) release(ts hlc.Timestamp, update bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading.remove(ts)
	if update {
		s.updating.remove(ts)
	}
}

// Discard lets Badger drop what nobody can read any more: versions that are certainly older than the history, and below the safe time and every
// View and Update that runs. Call it now and then; the disk fills up without it. Errors: those of truetime.Clock.Now, [*FailedError].
func (s *Store) Discard() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.users.Done()
	s.discarding.Lock()
	defer s.discarding.Unlock()
	version, err := s.raiseDiscarded()
	if err != nil || version == 0 {
		return err
	}
	if err := s.writeMark(version); err != nil {
		return s.fail(err)
	}
	s.db.SetDiscardTs(version) // of each key the newest at or below it stays, for the reads from there on
	return nil
}

// raiseDiscarded refuses reads below what can be dropped, from now on, and returns where that is; 0 if nothing has changed.
func (s *Store) raiseDiscarded() (version uint64, err error) {
	now, err := s.clock.Now()
	if err != nil {
		return 0, err
	}
	past, safe := ago(hlc.Timestamp{WallTime: now.EarliestUnixNano()}, s.history), s.committer.SafeTime()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := s.reading.lowest(earliest(past, safe))
	if !oldest.After(s.discarded) {
		return 0, nil
	}
	if version, err = layout.Pack(oldest); err != nil || version == 0 {
		return 0, err
	}
	if s.discarded, err = layout.Unpack(version); err != nil { // it was rounded up: what is at it must be there
		return 0, err
	}
	return version, nil
}

func earliest(a, b hlc.Timestamp) hlc.Timestamp {
	if b.Before(a) {
		return b
	}
	return a
}

// ago is d before ts.
func ago(ts hlc.Timestamp, d time.Duration) hlc.Timestamp {
	return hlc.Timestamp{WallTime: max(0, ts.WallTime-int64(d))}
}

// mark is the key of what was dropped.
var mark = []byte(reserved + "discarded")

// writeMark makes durable that reads below version are refused.
func (s *Store) writeMark(version uint64) error {
	txn := s.db.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	if err := txn.Set(mark, binary.BigEndian.AppendUint64(nil, version)); err != nil {
		return err
	}
	durable, err := s.hand(txn, version)
	if err != nil {
		return err
	}
	if err := durable(); err != nil {
		return err
	}
	if s.unsynced {
		return s.db.Sync()
	}
	return nil
}

// readMark returns the timestamp below which reads are refused.
func readMark(db *badger.DB) (ts hlc.Timestamp, err error) {
	txn := db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(mark)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return hlc.Timestamp{}, nil
	}
	if err != nil {
		return hlc.Timestamp{}, err
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if len(value) != 8 {
		return hlc.Timestamp{}, fmt.Errorf("badgerstore: the mark of what was dropped has %d bytes instead of 8", len(value))
	}
	return layout.Unpack(binary.BigEndian.Uint64(value))
}

// Stats is how a Store is doing, for metrics.
type Stats struct {
	commitwait.Stats
	Conflicts  int           // times that an Update was run again
	Remembered int           // commits that are kept to find conflicts with
	Oldest     hlc.Timestamp // reads below it are refused
}

// Stats returns the present state.
func (s *Store) Stats() Stats {
	inner := s.committer.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Stats, stats.Remembered, stats.Oldest = inner, len(s.conflicts.commits), s.discarded
	return stats
}
