// Package hybrid puts a truetime.Clock under a hybrid logical clock, so that a bound
// that was measured takes the place of a guess of how far clocks may differ.
//
//	events, err := hybrid.New(clock, hlc.Options{MaxLead: 10 * time.Millisecond})
//
// The physical time of the result is the interval's earliest end, and a remote timestamp is
// believed up to MaxLead above its latest end. Hence, while the bounds of all nodes
// hold true time:
//
//   - No clock issues a timestamp ahead of true time by itself. What is ahead was counted
//     (a nanosecond, or a tick of the layout, for each MaxLogical + 1 events) or forced.
//   - No honest timestamp is refused, however small MaxLead is, if all nodes have the same MaxLogical: it was
//     not ahead of true time when it was issued, and time has passed since. (With a layout MaxLead should be
//     some ticks, for what is counted ahead.)
//   - So a refused one proves that something is wrong: with the sender's clock, or with this
//     one, or with an assumption of a bound. It is not a limit that was chosen too small.
//
// When the clock has no bound (unsynchronised, stale, disrupted), physical time stands still: local
// events are still stamped, each above the last, and remote timestamps that are ahead are
// refused with a [*hlc.NoLatestError] that wraps the reason.
//
// Each event reads the interval, and the receipt of a timestamp that is ahead does twice. With the
// strict local clock of Linux that costs half a microsecond; a truetime.FastClock or
// CounterClock costs about as much as time.Now.
package hybrid

import (
	"errors"
	"sync/atomic"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// ErrOptions: Physical, Wall or Latest was set; they are what New sets.
var ErrOptions = errors.New("hybrid: leave Physical, Wall and Latest unset: the truetime.Clock takes their place")

// New returns a hybrid logical clock over clock, with the other options as they are. Errors:
// [ErrOptions], and those of hlc.New. If clock is not synchronised yet, so is the result:
// its timestamps begin in 1970. Use truetime.Clock.WaitSynchronized before.
func New(clock *truetime.Clock, o hlc.Options) (*hlc.Clock, error) {
	if o.Physical != nil || o.Wall != nil || o.Latest != nil {
		return nil, ErrOptions
	}
	u := &underneath{clock: clock}
	o.Physical, o.Latest = u.earliest, u.latest
	return hlc.New(o)
}

type underneath struct {
	clock *truetime.Clock
	last  atomic.Int64 // earliest that was seen
}

// earliest never goes back: a later generation of bounds may begin lower.
func (u *underneath) earliest() int64 {
	now, err := u.clock.Now()
	if err != nil {
		return u.last.Load()
	}
	for {
		last := u.last.Load()
		if now.EarliestUnixNano() <= last || u.last.CompareAndSwap(last, now.EarliestUnixNano()) {
			return max(last, now.EarliestUnixNano())
		}
	}
}

func (u *underneath) latest() (int64, error) {
	now, err := u.clock.Now()
	if err != nil {
		return 0, err
	}
	return now.LatestUnixNano(), nil
}
