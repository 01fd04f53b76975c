package lamport

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
)

// MaxTime is the largest number that a clock issues, 2⁶³ − 1: a million events a
// second reach it after 292 000 years. It fits a signed 64-bit column.
const MaxTime uint64 = math.MaxInt64

// DefaultMaxLead is how far ahead of the clock a received number may be unless
// the caller says otherwise: 2⁴⁰, what a million events a second count in 12 days.
// It takes eight million messages that far ahead to exhaust a clock, not one.
const DefaultMaxLead uint64 = 1 << 40

// ErrExhausted: there is no number left above what the clock has issued and
// received. It stays there, since starting again at zero would put every later
// event before all others.
var ErrExhausted = errors.New("lamport: the counter is exhausted")

// TooFarError reports a received number further ahead than is believed. The
// clock is as before.
type TooFarError struct {
	Remote, Local uint64
	MaxLead       uint64
}

func (e *TooFarError) Error() string {
	return fmt.Sprintf("lamport: received %d is more than %d ahead of %d; the sender is broken or hostile, or this clock is new", e.Remote, e.MaxLead, e.Local)
}

// Clock is a Lamport clock. The zero value is ready to use and stands at 0. It
// is safe for concurrent use, lock-free, and does not allocate.
//
// A tick is one atomic addition. Beyond MaxTime each tick takes back what it
// added, so the counter is MaxTime plus the number of ticks that are just about
// to do that. These are at most as many as there are goroutines, far from the
// 2⁶³ that would wrap it; and as no taking back brings it below MaxTime, nothing
// is issued twice.
type Clock struct {
	last atomic.Uint64 // the last number; above MaxTime means MaxTime
}

// Time returns the number of the last event, or a higher one that was observed
// since; 0 if there was neither.
func (c *Clock) Time() uint64 { return min(c.last.Load(), MaxTime) }

// Tick counts a local event, or a message about to be sent, and returns its
// number: higher than that of every event before. It returns [ErrExhausted]
// after [MaxTime].
func (c *Clock) Tick() (uint64, error) {
	n := c.last.Add(1)
	if int64(n) < 0 { // above MaxTime
		c.last.Add(^uint64(0))
		return 0, ErrExhausted
	}
	return n, nil
}

// Witness counts the receipt of a message that carries remote and returns its
// number: higher than remote and than every event before. If remote is more than
// [DefaultMaxLead] ahead it returns a [*TooFarError], if no number is above it
// [ErrExhausted], and then leaves the clock as it was.
//
// A new process among old ones may be behind by more than that. Let it catch up
// with a number from somebody it trusts: WitnessWithin, or ForceWitness.
func (c *Clock) Witness(remote uint64) (uint64, error) {
	return c.WitnessWithin(remote, DefaultMaxLead)
}

// WitnessWithin is Witness with a limit of the caller's: how far remote may be
// ahead of this clock.
func (c *Clock) WitnessWithin(remote, maxLead uint64) (uint64, error) {
	for {
		last := c.Time()
		if remote <= last {
			return c.Tick()
		}
		if err := check(last, remote, maxLead); err != nil {
			return 0, err
		}
		if c.last.CompareAndSwap(last, remote+1) {
			return remote + 1, nil
		}
	}
}

// ForceWitness is Witness without a limit.
//
// HAZARD: a single message with a huge number exhausts this clock and all that
// hear from it, and nothing brings them back. Only for numbers from somebody you
// trust as much as yourself.
func (c *Clock) ForceWitness(remote uint64) (uint64, error) {
	return c.WitnessWithin(remote, math.MaxUint64)
}

// Observe moves the clock to remote if that is higher, without an event of its
// own: the next number is above it. A remote in the past costs one atomic load.
// Errors as in Witness.
func (c *Clock) Observe(remote uint64) error {
	for {
		last := c.Time()
		if remote <= last {
			return nil
		}
		if err := check(last, remote, DefaultMaxLead); err != nil {
			return err
		}
		if c.last.CompareAndSwap(last, remote) {
			return nil
		}
	}
}

// check says whether a clock at last may follow remote, which is above it.
func check(last, remote, maxLead uint64) error {
	switch {
	case remote-last > maxLead:
		return &TooFarError{Remote: remote, Local: last, MaxLead: maxLead}
	case remote >= MaxTime:
		return ErrExhausted
	}
	return nil
}
