package truetime

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultDriftPPB is the drift D, in parts per billion, by which the clock of
// [NewLocalClock] is assumed to run wrong at most: 200 ppm, several times what
// quartz oscillators do between −20 °C and +70 °C.
const DefaultDriftPPB = 200_000

// suspendThreshold is how much CLOCK_BOOTTIME must run ahead of CLOCK_MONOTONIC
// before we say that the machine slept. Both tick from the same hardware, so
// without a suspend the difference is constant.
const suspendThreshold = time.Millisecond

// rawClock reads CLOCK_MONOTONIC_RAW, the one Linux clock that adjtimex does
// not touch (CLOCK_MONOTONIC may legally be slewed by 10 %), and checks at every read
// whether the machine was suspended, during which it stands still.
type rawClock struct {
	anchor time.Time // carries the runtime's CLOCK_MONOTONIC
	epoch  atomic.Pointer[rawEpoch]
}

// rawEpoch is immutable: the epoch number and the BOOTTIME − MONOTONIC
// difference that must not grow while it lasts.
type rawEpoch struct {
	number uint64
	base   time.Duration
	cause  string
}

// NewLocalClock returns the strict local clock of this system. On Linux it is
// CLOCK_MONOTONIC_RAW with a suspend check at each read: two system calls,
// about 0.5 µs. Use one clock for everything in a process: readings of two
// clocks belong to different epochs.
//
// It returns an error if the kernel refuses one of the clocks.
//
// HAZARD: a virtual machine that its hypervisor pauses, restores or migrates
// does not notice here.
func NewLocalClock() (LocalClock, error) {
	c := &rawClock{anchor: time.Now()}
	if _, err := readClock(unix.CLOCK_MONOTONIC_RAW); err != nil {
		return nil, err
	}
	base, err := c.bootAhead()
	if err != nil {
		return nil, err
	}
	c.epoch.Store(&rawEpoch{number: NewEpoch(), base: base})
	return c, nil
}

// Read reads RAW first and checks for a suspend afterwards: a gap before the
// RAW read is then always seen, and one after it does no harm, since the
// reading is true for the instant at which it was taken. The other order would have a hole.
func (c *rawClock) Read() (Reading, error) {
	for {
		e := c.epoch.Load()
		raw, err := readClock(unix.CLOCK_MONOTONIC_RAW)
		if err != nil {
			return Reading{}, err
		}
		ahead, err := c.suspendedFor(e.base)
		if err != nil {
			return Reading{}, err
		}
		if ahead == 0 {
			return Reading{Nanos: int64(raw), Epoch: e.number}, nil
		}
		if err := c.beginEpoch(e, ahead); err != nil {
			return Reading{}, err
		}
	}
}

// EpochCause says why the current epoch began; empty for the first one.
func (c *rawClock) EpochCause() string { return c.epoch.Load().cause }

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
		b, err := readClock(unix.CLOCK_BOOTTIME)
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

// beginEpoch replaces old unless another goroutine was faster.
func (c *rawClock) beginEpoch(old *rawEpoch, gained time.Duration) error {
	base, err := c.bootAhead()
	if err != nil {
		return err
	}
	c.epoch.CompareAndSwap(old, &rawEpoch{
		number: NewEpoch(),
		base:   base,
		cause:  fmt.Sprintf("the machine was suspended for %v", gained.Round(time.Millisecond)),
	})
	return nil
}

// bootAhead measures BOOTTIME − MONOTONIC (since the anchor), taking the
// tightest of a few tries so that preemption does not blur it.
func (c *rawClock) bootAhead() (time.Duration, error) {
	var best time.Duration
	for try := range 5 {
		m := time.Since(c.anchor)
		b, err := readClock(unix.CLOCK_BOOTTIME)
		if err != nil {
			return 0, err
		}
		if try == 0 || b-m < best {
			best = b - m
		}
	}
	return best, nil
}

func readClock(id int32) (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("truetime: clock_gettime(%d): %w", id, err)
	}
	return time.Duration(ts.Nano()), nil
}
