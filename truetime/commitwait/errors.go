package commitwait

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// FloorTooFarError reports a floor, such as a session token, or an HLC so far ahead of
// true time that it would hold up every later commit. Nothing was assigned.
type FloorTooFarError struct {
	Floor hlc.Timestamp
	Lead  time.Duration // above the latest possible true time
	Limit time.Duration // Options.MaxFloorLead
}

func (e *FloorTooFarError) Error() string {
	return fmt.Sprintf("commitwait: floor %v is %v ahead of true time, at most %v are allowed", e.Floor, e.Lead, e.Limit)
}

// ApplyError reports that apply failed. The timestamp is burnt: it is never
// assigned again, whatever became of the transaction.
type ApplyError struct {
	TS  hlc.Timestamp
	Err error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("commitwait: apply at %v: %v", e.TS, e.Err)
}

// Unwrap returns apply's error.
func (e *ApplyError) Unwrap() error { return e.Err }

// NotObservedError reports that the hybrid logical clock refused to move above TS,
// because the physical clock under it is slow by more than the HLC's limit: what the
// transaction causes could be stamped below it. Nothing was applied; TS is burnt.
type NotObservedError struct {
	TS  hlc.Timestamp
	Err error
}

func (e *NotObservedError) Error() string {
	return fmt.Sprintf("commitwait: the hybrid logical clock refused %v, so nothing was applied; set the clock under it right: %v", e.TS, e.Err)
}

// Unwrap returns the HLC's error.
func (e *NotObservedError) Unwrap() error { return e.Err }
