package badgerstore

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// ErrNotFound: the key is not there. It is Badger's.
var ErrNotFound = badger.ErrKeyNotFound

// ErrReserved: keys that begin with !badgerstore! are the store's own.
var ErrReserved = errors.New("badgerstore: keys that begin with " + reserved + " are reserved")

// ErrTooLong: a value has more than MaxValue bytes.
var ErrTooLong = errors.New("badgerstore: the value is too long")

// ErrScanning: an Update scans or writes while it scans.
var ErrScanning = errors.New("badgerstore: a scan of an Update is under way")

// TooOldError reports a read at a timestamp of which versions were dropped, or an Update that took longer than these are kept.
type TooOldError struct{ TS, Oldest hlc.Timestamp }

func (e *TooOldError) Error() string {
	return fmt.Sprintf("badgerstore: nothing is kept for reads at %v; the oldest is %v", e.TS, e.Oldest)
}

// FailedError reports that a write failed earlier and nobody knows how far it got. Close the store and open it again.
type FailedError struct{ Err error }

func (e *FailedError) Error() string {
	return fmt.Sprintf("badgerstore: an earlier write failed, close the store and open it again: %v", e.Err)
}

// Unwrap returns the error of that write.
func (e *FailedError) Unwrap() error { return e.Err }

// conflictError reports what was written after a transaction had read it.
type conflictError struct{ with hlc.Timestamp }

func (e *conflictError) Error() string {
	return fmt.Sprintf("badgerstore: a conflict with the commit at %v", e.with)
}

// changeError is an error of the function that was given to Update.
type changeError struct{ error }

// because explains that the committer is closed, if that is so since the store has failed.
func (s *Store) because(err error) error {
	if !errors.Is(err, commitwait.ErrClosed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return &FailedError{s.failed}
	}
	return err
}
