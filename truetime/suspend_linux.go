package truetime

import (
	"time"

	"golang.org/x/sys/unix"
)

// suspendThreshold is how much CLOCK_BOOTTIME must run ahead of CLOCK_MONOTONIC
// before we say that the machine slept. Both tick from the same hardware, so
// without a suspend the difference is constant.
const suspendThreshold = time.Millisecond

// suspendedFor returns by how much BOOTTIME has certainly gained on MONOTONIC
// since base was taken, or 0 if it has not.
//
// One read of each clock cannot tell a suspend from being preempted between the
// two reads. BOOTTIME between two reads of MONOTONIC can: b − m1 small proves
// that nothing happened, b − m2 large proves that something did, and anything
// else is read again.
func (c *rawClock) suspendedFor(base time.Duration) (time.Duration, error) {
	for {
		m1 := time.Since(c.anchor)
		b, err := c.clock(unix.CLOCK_BOOTTIME)
		if err != nil {
			return 0, err
		}
		if b-m1 <= base+suspendThreshold {
			return 0, nil
		}
		m2 := time.Since(c.anchor)
		if gained := b - m2 - base; gained > suspendThreshold {
			return gained, nil
		}
	}
}

// bootAhead measures BOOTTIME − MONOTONIC (since the anchor), taking the
// tightest of a few tries so that preemption does not blur it.
func (c *rawClock) bootAhead() (time.Duration, error) {
	var best time.Duration
	for try := range 5 {
		m := time.Since(c.anchor)
		b, err := c.clock(unix.CLOCK_BOOTTIME)
		if err != nil {
			return 0, err
		}
		if try == 0 || b-m < best {
			best = b - m
		}
	}
	return best, nil
}
