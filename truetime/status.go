package truetime

import (
	"errors"
	"time"
)

// State says what a [Clock] can promise.
type State int

const (
	// Unsynchronized: no bound was ever published, or the last one is stale.
	Unsynchronized State = iota
	// Synchronized: the bound in force is fresh.
	Synchronized
	// Holdover: no fresh bound; the old one is still true and grows.
	Holdover
	// Disrupted: an assumption was disproved; only a fresh bound helps.
	Disrupted
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Synchronized:
		return "synchronized"
	case Holdover:
		return "holdover"
	case Disrupted:
		return "disrupted"
	}
	return "unsynchronized"
}

// Status is a snapshot of a [Clock] for people and monitoring.
type Status struct {
	State State
	// Reason says why the state is not Synchronized; nil if it is.
	Reason error
	// Interval is what Now returned, and Err its error. In holdover both a
	// good interval and a Reason exist; a synchronized clock may still be too uncertain.
	Interval Interval
	Err      error
	// Age is the local time since the bound in force was made; 0 without one.
	Age time.Duration
	// Basis says what the bound in force rests on.
	Basis Basis
	// Generation is that of the bound in force; it rises when the past was
	// disproved.
	Generation uint64
}

// Status returns what the clock knows right now. It never fails: what is wrong
// is in the fields.
func (c *Clock) Status() Status {
	interval, s, err := c.read()
	status := Status{State: s.phase, Reason: s.reason, Interval: interval, Err: err, Basis: s.bound.Basis, Generation: s.bound.Generation}
	if s.phase != Synchronized && s.phase != Holdover {
		return status
	}
	if r, readErr := c.local.Read(); readErr == nil && r.Epoch == s.bound.At.Epoch {
		status.Age = max(0, time.Duration(r.Nanos-s.bound.At.Nanos)) // slack may hide the order
	}
	var disrupted *DisruptedError
	switch {
	case errors.As(err, &disrupted):
		status.State, status.Reason = Disrupted, err
	case errors.Is(err, ErrStale):
		status.State, status.Reason = Unsynchronized, err
	}
	return status
}
