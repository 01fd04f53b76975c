package truetime

import (
	"errors"
	"fmt"
	"time"
)

// Conditions without further facts. Test for them with [errors.Is].
var (
	// ErrUnsynchronized: the clock was never given a bound.
	ErrUnsynchronized = errors.New("truetime: not synchronized yet: no bound was published (is the prober running, can it reach its servers?)")
	// ErrStale: the bound rests on samples older than its maximum age.
	ErrStale = errors.New("truetime: stale: the last samples are older than the maximum age")
	// ErrNoQuorum: see [NoQuorumError], which always matches it.
	ErrNoQuorum = errors.New("truetime: no quorum")
	// ErrLeap: a leap second is near, and whoever makes the bounds was told to make none
	// across it. It comes inside a [DisruptedError].
	ErrLeap = errors.New("truetime: leap second")
	// ErrOutOfRange: a moment outside 1677-09-21 … 2262-04-11, which 64-bit
	// nanoseconds cannot hold.
	ErrOutOfRange = errors.New("truetime: moment outside 1677-09-21 … 2262-04-11")
	// ErrNoCounter: see [NoCounterError], which always matches it.
	ErrNoCounter = errors.New("truetime: no CPU counter to be trusted")
	// ErrReadingBeforeBound: the reading was taken before the bound was made;
	// a bound looks only forward.
	ErrReadingBeforeBound = errors.New("truetime: the reading is older than the bound")
)

// IntervalError reports two moments that make no interval: inverted, or more
// than 292 years apart. Both are nanoseconds since 1970-01-01 UTC.
type IntervalError struct {
	Earliest, Latest int64
}

func (e *IntervalError) Error() string {
	if e.Earliest > e.Latest {
		return fmt.Sprintf("truetime: inverted interval: earliest %d is after latest %d (unix ns)", e.Earliest, e.Latest)
	}
	return fmt.Sprintf("truetime: interval [%d, %d] (unix ns) is wider than 292 years", e.Earliest, e.Latest)
}

// BoundError reports a bound that contradicts itself or does not fit the clock
// it was given to. The clock keeps what it had.
type BoundError struct {
	Reason string
}

func (e *BoundError) Error() string { return "truetime: bound refused: " + e.Reason }

// DisruptedError reports that an assumption was disproved: the local clock lost
// continuity, or the servers contradict what they said before. The past says
// nothing any more, and a fresh bound is needed.
type DisruptedError struct {
	Cause string
	// Err is the underlying error, for example a [*NoQuorumError]; may be nil.
	Err error
}

func (e *DisruptedError) Error() string {
	return "truetime: disrupted: " + e.Cause + "; wait for a fresh bound"
}

// Unwrap returns the underlying error, if any.
func (e *DisruptedError) Unwrap() error { return e.Err }

// NoCounterError reports that the CPU's counter cannot be used, and why. It
// matches [ErrNoCounter].
type NoCounterError struct {
	Missing string // what is missing, for example "constant_tsc in /proc/cpuinfo"
}

func (e *NoCounterError) Error() string { return ErrNoCounter.Error() + ": " + e.Missing }

// Is reports whether target is ErrNoCounter.
func (e *NoCounterError) Is(target error) bool { return target == ErrNoCounter }

// UncertaintyError reports an interval wider than the caller accepts.
type UncertaintyError struct {
	Have, Max time.Duration // half widths
}

func (e *UncertaintyError) Error() string {
	return fmt.Sprintf("truetime: uncertainty ±%v exceeds the maximum of ±%v", e.Have, e.Max)
}

// WaitTooLongError reports a wait that cannot end in time, before it began.
type WaitTooLongError struct {
	Need  time.Duration // what the wait would take
	Limit time.Duration // what the context or the options allow
}

func (e *WaitTooLongError) Error() string {
	return fmt.Sprintf("truetime: the wait needs %v but only %v are allowed", e.Need, e.Limit)
}

// WaitError reports a wait that its context ended. [errors.Is] finds both the
// context's error and the reason why the clock was not ready, if there was one.
type WaitError struct {
	Cause  error // context.Cause of the context
	Reason error // what the clock last said; nil if it was fine
}

func (e *WaitError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("truetime: wait ended early: %v", e.Cause)
	}
	return fmt.Sprintf("truetime: wait ended early: %v (%v)", e.Cause, e.Reason)
}

// Unwrap returns the cause and the reason.
func (e *WaitError) Unwrap() []error {
	if e.Reason == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Reason}
}
