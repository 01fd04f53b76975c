package commitwait

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// ErrClosed: the Committer was closed.
var ErrClosed = errors.New("commitwait: the committer is closed")

// FloorTooFarError reports a floor, such as a session token, a snapshot or an HLC so far ahead of
// true time that it would hold up every later commit. Nothing was assigned.
type FloorTooFarError struct {
	Floor hlc.Timestamp
	Lead  time.Duration // above the latest possible true time
	Limit time.Duration // Options.MaxFloorLead
}

func (e *FloorTooFarError) Error() string {
	return fmt.Sprintf("commitwait: floor %v is %v ahead of true time, at most %v are allowed", e.Floor, e.Lead, e.Limit)
}

// NotApplied marks err, an error of apply or durable: the transaction was certainly not
// written and never will be, as after a conflict or a constraint. It returns nil for nil.
//
// HAZARD: a time-out, a broken connection or a failed sync says nothing for certain. To mark those lets a snapshot change when the
// write appears after all.
func NotApplied(err error) error {
	if err == nil {
		return nil
	}
	return &notAppliedError{err}
}

type notAppliedError struct{ error }

func (e *notAppliedError) Unwrap() error { return e.error }

// certainlyNot finds the mark of NotApplied. It does not look into what another Committer said, whose transaction
// was another one, or another part of this one; and of errors that were joined each must be marked.
func certainlyNot(err error) bool {
	switch e := err.(type) {
	case nil, *ApplyError, *OutcomeUnknownError, *NotYetVisibleError:
		return false
	case *notAppliedError:
		return true
	case interface{ Unwrap() error }:
		return certainlyNot(e.Unwrap())
	case interface{ Unwrap() []error }:
		return len(e.Unwrap()) > 0 && !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !certainlyNot(err) })
	}
	return false
}

// ApplyError reports that the transaction was certainly not written. The timestamp is burnt: it is never
// assigned again.
type ApplyError struct {
	TS  hlc.Timestamp
	Err error // that of apply, marked by NotApplied
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("commitwait: not applied at %v: %v", e.TS, e.Err)
}

// Unwrap returns apply's error.
func (e *ApplyError) Unwrap() error { return e.Err }

// OutcomeUnknownError reports that the transaction may or may not be in the store. It stays in flight, so that
// no snapshot is served that it could appear in; find out, and call Resolve.
type OutcomeUnknownError struct {
	TS  hlc.Timestamp
	Err error // that of apply or durable
}

func (e *OutcomeUnknownError) Error() string {
	return fmt.Sprintf("commitwait: outcome at %v unknown (call Resolve, or return NotApplied(err) if it is certain): %v", e.TS, e.Err)
}

// Unwrap returns the error of apply or durable.
func (e *OutcomeUnknownError) Unwrap() error { return e.Err }

// NotYetVisibleError reports that the wait ended before the timestamp has passed. If Run returned it, the
// transaction IS committed: do not acknowledge it, do not unlock, do not show it; Wait with another context, or Detach.
type NotYetVisibleError struct {
	TS        hlc.Timestamp
	Remaining time.Duration // that the wait would still take; −1 if the clock does not know
	Cause     error         // of the context; ErrClosed; *truetime.WaitTooLongError
}

func (e *NotYetVisibleError) Error() string {
	remaining := "for how long is unknown"
	if e.Remaining >= 0 {
		remaining = fmt.Sprintf("%v remain", e.Remaining)
	}
	return fmt.Sprintf("commitwait: the commit at %v is not visible yet, %s: %v", e.TS, remaining, e.Cause)
}

// Unwrap returns the cause.
func (e *NotYetVisibleError) Unwrap() error { return e.Cause }

// DecisionError reports a commit timestamp that cannot be that of the transaction which was prepared. The coordinator has not used the vote as a floor
// of its Commit, or a message is of another transaction.
type DecisionError struct {
	Prepared, TS hlc.Timestamp
	Problem      string
}

func (e *DecisionError) Error() string {
	return fmt.Sprintf("commitwait: prepared at %v, decided for %v: %s", e.Prepared, e.TS, e.Problem)
}

// NotInFlightError reports a timestamp at which no commit is in flight: none was assigned there by this Committer, or what became of
// it is known already.
type NotInFlightError struct{ TS hlc.Timestamp }

func (e *NotInFlightError) Error() string {
	return fmt.Sprintf("commitwait: no commit is in flight at %v: its outcome is known, or it was never assigned here", e.TS)
}

// StateError reports a call that does not fit the state of the commit.
type StateError struct {
	TS    hlc.Timestamp
	State State
}

func (e *StateError) Error() string {
	return fmt.Sprintf("commitwait: the commit at %v is %v", e.TS, e.State)
}
