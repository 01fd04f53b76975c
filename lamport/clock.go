package lamport

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
)

// ErrExhausted: the counter is at its largest value. It stays there, since
// starting again at zero would put every later event before all others.
var ErrExhausted = errors.New("lamport: the counter is exhausted")

// TooFarError reports a received counter further ahead than the caller allows.
// The clock is as before.
type TooFarError struct {
	Remote, Local uint64
	MaxLead       uint64
}

func (e *TooFarError) Error() string {
	return fmt.Sprintf("lamport: received %d is more than %d ahead of %d; the sender is broken or hostile", e.Remote, e.MaxLead, e.Local)
}

// Clock is a Lamport clock. The zero value is ready to use and stands at 0. It
// is safe for concurrent use, lock-free, and does not allocate.
type Clock struct {
	last atomic.Uint64
}

// Time returns the number of the last event, 0 if there was none.
func (c *Clock) Time() uint64 { return c.last.Load() }

// Tick counts a local event, or a message about to be sent, and returns its
// number: higher than that of every event before. It returns [ErrExhausted] at the
// end of the range.
func (c *Clock) Tick() (uint64, error) { return c.above(0, math.MaxUint64) }

// Witness counts the receipt of a message that carries remote and returns its
// number: higher than remote and than every event before. It returns
// [ErrExhausted] if there is none, and then leaves the clock as it was.
//
// HAZARD: a single message with a huge number exhausts the clock. Where
// messages come from somebody you do not trust, use WitnessWithin.
func (c *Clock) Witness(remote uint64) (uint64, error) { return c.above(remote, math.MaxUint64) }

// WitnessWithin is Witness for a remote counter that must not be more than
// maxLead ahead of this one: it returns a [*TooFarError] for one that is, and
// leaves the clock as it was.
func (c *Clock) WitnessWithin(remote, maxLead uint64) (uint64, error) {
	return c.above(remote, maxLead)
}

func (c *Clock) above(remote, maxLead uint64) (uint64, error) {
	for {
		last := c.last.Load()
		switch {
		case remote > last && remote-last > maxLead:
			return 0, &TooFarError{Remote: remote, Local: last, MaxLead: maxLead}
		case max(last, remote) == math.MaxUint64:
			return 0, ErrExhausted
		}
		if next := max(last, remote) + 1; c.last.CompareAndSwap(last, next) {
			return next, nil
		}
	}
}
