package hlc

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnset: a message came without a timestamp, or with the zero one.
	ErrUnset = errors.New("hlc: the remote timestamp is unset; the sender must stamp the message with Now")
	// ErrExhausted: there is no timestamp left above this one.
	ErrExhausted = errors.New("hlc: end of the range of timestamps, year 2262")
)

// TooFarAheadError reports a remote timestamp whose wall time is further ahead than
// the limit. It was not believed, and the clock is as before.
type TooFarAheadError struct {
	Remote   Timestamp
	Physical int64         // the local physical clock, unix ns
	Latest   int64         // what the limit counts from, unix ns: Options.Latest, else Physical
	Lead     time.Duration // Remote.WallTime − Latest, at most 292 years
	Limit    time.Duration // Options.MaxLead
}

func (e *TooFarAheadError) Error() string {
	return fmt.Sprintf("hlc: remote timestamp %v is %v ahead of the local clock, at most %v are believed; check both machines' clocks", e.Remote, e.Lead, e.Limit)
}

// LogicalTooHighError reports a remote timestamp whose logical part is above the limit. It
// was not believed, and the clock is as before.
type LogicalTooHighError struct {
	Remote Timestamp
	Limit  uint32 // Options.MaxLogical
}

func (e *LogicalTooHighError) Error() string {
	return fmt.Sprintf("hlc: remote timestamp %v has a logical part above %d; give all nodes the same MaxLogical (and Layout)", e.Remote, e.Limit)
}

// NoLatestError reports a remote timestamp ahead of the physical clock while
// Options.Latest fails, so that there is no limit to hold it against. It was not believed, and
// the clock is as before.
type NoLatestError struct {
	Remote Timestamp
	Err    error // of Options.Latest
}

func (e *NoLatestError) Error() string {
	return fmt.Sprintf("hlc: remote timestamp %v is ahead of the local clock, and the latest possible time is not known: %v", e.Remote, e.Err)
}

func (e *NoLatestError) Unwrap() error { return e.Err }
