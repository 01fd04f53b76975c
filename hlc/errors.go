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

// TooFarAheadError reports a remote timestamp whose wall time is further above the
// local physical clock than the limit. It was not believed, and the clock is as
// before.
type TooFarAheadError struct {
	Remote   Timestamp
	Physical int64         // the local physical clock, unix ns
	Lead     time.Duration // Remote.WallTime − Physical, at most 292 years
	Limit    time.Duration // Options.MaxLead
}

func (e *TooFarAheadError) Error() string {
	return fmt.Sprintf("hlc: remote timestamp %v is %v ahead of the local clock, at most %v are believed; check both machines' clocks", e.Remote, e.Lead, e.Limit)
}
