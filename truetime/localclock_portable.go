package truetime

import (
	"fmt"
	"sync/atomic"
	"time"
)

// portableGap is the difference between elapsed wall time and elapsed monotonic
// time from which on the portable clock no longer believes in continuity.
const portableGap = time.Second

// portableClock is the Go runtime's monotonic clock, watched by the wall clock.
type portableClock struct {
	mono func() time.Duration // since an arbitrary moment
	wall func() int64         // unix nanoseconds

	epoch atomic.Pointer[portableEpoch]
}

// portableFollow is how often the difference is taken anew, so that a wall clock that
// a daemon keeps at another rate, 50 ppm say, does not add up to a gap in a day.
const portableFollow = time.Minute

// portableLook is how long the looks at both clocks may take for their difference to be
// taken as a base.
const portableLook = time.Millisecond

// portableEpoch is immutable: wall − mono as it was at a reading of the epoch.
type portableEpoch struct {
	number uint64
	at     time.Duration // mono
	ahead  int64
	cause  string
}

// NewPortableClock returns a local clock made of nothing but the Go runtime's
// monotonic clock. A read costs two looks at the clock, about 80 ns.
//
// HAZARD: it is weaker than the Linux clock. The runtime's clock may be slewed
// by a time daemon, so use a drift of 500 ppm or more, and it may stand still
// in suspend: that is noticed only if wall and monotonic clock moved apart
// by more than one second between two reads. A step of the wall clock by more than a second looks
// the same and also begins a new epoch, which costs a fresh burst of samples but
// never a wrong interval.
func NewPortableClock() LocalClock {
	anchor := time.Now()
	return newPortableClock(
		func() time.Duration { return time.Since(anchor) },
		func() int64 { return time.Now().UnixNano() },
	)
}

func newPortableClock(mono func() time.Duration, wall func() int64) *portableClock {
	c := &portableClock{mono: mono, wall: wall}
	c.epoch.Store(c.begin(""))
	return c
}

// Read looks at the monotonic clock first: see rawClock.Read for why.
func (c *portableClock) Read() (Reading, error) {
	for {
		e := c.epoch.Load()
		m := c.mono()
		gap := time.Duration(c.wall() - int64(m) - e.ahead)
		if gap.Abs() <= portableGap {
			if m-e.at > portableFollow && c.mono()-m <= portableLook { // else the gap may be a wait between the two looks
				c.epoch.CompareAndSwap(e, &portableEpoch{number: e.number, at: m, ahead: e.ahead + int64(gap), cause: e.cause})
			}
			return Reading{Nanos: int64(m), Epoch: e.number}, nil
		}
		c.epoch.CompareAndSwap(e, c.begin(fmt.Sprintf(
			"wall and monotonic clock moved %v apart (suspended, or the wall clock was stepped)", gap.Round(time.Millisecond))))
	}
}

// EpochCause says why the current epoch began; empty for the first one.
func (c *portableClock) EpochCause() string { return c.epoch.Load().cause }

func (c *portableClock) begin(cause string) *portableEpoch {
	e := &portableEpoch{number: NewEpoch(), cause: cause}
	for range 10 {
		e.at = c.mono()
		e.ahead = c.wall() - int64(e.at)
		if c.mono()-e.at <= portableLook {
			break
		}
	}
	return e
}
