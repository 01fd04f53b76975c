package lease

import (
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime/fencing"
)

var (
	// ErrReleased: the guard has given its lease back.
	ErrReleased = errors.New("lease: it was given back")
	// ErrExhausted: no token is left above the last one. Somebody has written a record by hand.
	ErrExhausted = errors.New("lease: no token is left")
)

// HeldError reports that somebody else holds the lease, or may: it is not surely over.
type HeldError struct {
	Name   string
	Holder string
	Token  fencing.Token
	Expiry time.Time     // of true time, unless it is renewed
	Wait   time.Duration // until that has surely passed by the clock that was asked
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("lease: %q is held by %q with token %v, not surely over for another %v", e.Name, e.Holder, e.Token, e.Wait)
}

// ExpiredError reports that the lease may be over: it was not renewed in time. It becomes valid again if nobody else has been
// granted it before a renewal succeeds.
type ExpiredError struct {
	Name    string
	Token   fencing.Token
	Expiry  time.Time     // of true time
	Late    time.Duration // by which the latest possible true time has passed that
	Renewal error         // why the last renewal has failed; nil if none was tried
}

func (e *ExpiredError) Error() string {
	text := fmt.Sprintf("lease: %q with token %v may be over since %v", e.Name, e.Token, e.Late)
	if e.Renewal != nil {
		text += ": " + e.Renewal.Error()
	}
	return text
}

// Unwrap returns Renewal.
func (e *ExpiredError) Unwrap() error { return e.Renewal }

// LostError reports that the lease is not held any more and will not be by this guard.
type LostError struct {
	Name  string
	Token fencing.Token
	Cause error // what Drop was given; nil: the store has another record, of another holder, say
}

func (e *LostError) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("lease: %q with token %v is lost: the store has another record", e.Name, e.Token)
	}
	return fmt.Sprintf("lease: %q with token %v was dropped: %v", e.Name, e.Token, e.Cause)
}

// Unwrap returns Cause.
func (e *LostError) Unwrap() error { return e.Cause }

// ClockError reports that the clock knows no time, so that nothing is valid and nothing is granted.
type ClockError struct{ Err error } // of truetime.Clock.Now

func (e *ClockError) Error() string {
	return fmt.Sprintf("lease: not valid while the clock is not: %v", e.Err)
}

// Unwrap returns the clock's error.
func (e *ClockError) Unwrap() error { return e.Err }

// UncertaintyError refuses a grant or a renewal: the clock's interval is wider than half of the lease, so that most of it would be
// spent in not knowing whether it is over. Take a longer TTL, or better clocks.
type UncertaintyError struct {
	Width time.Duration // of the interval: 2ε
	TTL   time.Duration // Options.TTL
}

func (e *UncertaintyError) Error() string {
	return fmt.Sprintf("lease: the clock knows the time to %v, more than half of the TTL of %v", e.Width, e.TTL)
}

// OutcomeUnknownError reports that the lease may have been granted, or may be later. Nobody uses it then: it is over at its
// expiry.
type OutcomeUnknownError struct {
	Name   string
	Expiry time.Time
	Err    error // of the store
}

func (e *OutcomeUnknownError) Error() string {
	return fmt.Sprintf("lease: nobody knows whether %q was granted until %v: %v", e.Name, e.Expiry, e.Err)
}

// Unwrap returns the store's error.
func (e *OutcomeUnknownError) Unwrap() error { return e.Err }

// WaitError reports that Acquire's context ended before it got the lease.
type WaitError struct {
	Name   string
	Cause  error // of the context
	Reason error // of the last attempt: a *HeldError, a *ClockError, an error of the store; nil if there was none
}

func (e *WaitError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("lease: waiting for %q: %v", e.Name, e.Cause)
	}
	return fmt.Sprintf("lease: waiting for %q: %v (%v)", e.Name, e.Cause, e.Reason)
}

// Unwrap returns the cause and the reason.
func (e *WaitError) Unwrap() []error {
	if e.Reason == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Reason}
}

// OverranError reports that the function of Do came back when the lease was not valid any more: what it did last may have
// been done while somebody else held it. If it was done with the token, to a storage that compares that, no harm was done.
type OverranError struct {
	Why error // what Valid says
	Err error // what the function returned
}

func (e *OverranError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("lease: it ended during its use: %v", e.Why)
	}
	return fmt.Sprintf("lease: it ended during its use: %v; which returned: %v", e.Why, e.Err)
}

// Unwrap returns both.
func (e *OverranError) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Why}
	}
	return []error{e.Why, e.Err}
}

// ParseError reports what is not a record.
type ParseError struct{ Text string }

func (e *ParseError) Error() string { return fmt.Sprintf("lease: %q is not a record", e.Text) }
