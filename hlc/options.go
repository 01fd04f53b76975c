package hlc

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// DefaultMaxLead is how far a remote timestamp may be ahead unless configured:
// more than clocks that are looked after ever differ.
const DefaultMaxLead = 500 * time.Millisecond

// Unlimited turns the check of remote timestamps off. HAZARD: one message from a
// broken clock then moves this clock, and all that hear from it, as far ahead as it
// likes, and nothing brings them back.
const Unlimited time.Duration = math.MaxInt64

// Physical returns the time of day in nanoseconds since 1970-01-01 UTC. It may
// stand still or go back. It must be safe for concurrent use.
type Physical func() (unixNano int64)

// Options configures a [Clock]. The zero value is ready to use.
type Options struct {
	// Wall is the clock underneath: the time of day, behind a gate for its jumps.
	// nil: NewWallClock(WallOptions{}), unless there is a Physical.
	Wall *WallClock
	// Physical is another clock underneath, such as that of a simulation or the one of
	// package truetime/hybrid. HAZARD: what it says is believed, whatever it jumps.
	Physical Physical
	// Latest returns the latest that the true time may be now, in unix ns. If set, remote
	// timestamps are believed up to MaxLead above it, instead of above the physical
	// clock; and while it fails none that is ahead of the physical clock is.
	Latest func() (unixNano int64, err error)
	// MaxLead is how far the wall time of a remote timestamp may lie above the
	// physical clock. 0 means DefaultMaxLead; Unlimited must be asked for.
	//
	// HAZARD: it should be well above what honest clocks differ by. A node that was taken ahead by a fast
	// one, within the limit, is refused by an honest node that is slower.
	MaxLead time.Duration
	// MaxLogical is the highest logical part that is issued, and that is believed of a
	// remote timestamp; the next one is one nanosecond later. 0 means DefaultMaxLogical. Nodes that talk with each
	// other should have the same; other programs may go up to 2^31 or 2^32 − 1.
	MaxLogical uint32
	// Layout, if set, has the clock issue only what packs into it without a loss, so that
	// different timestamps stay different in a store of 64-bit numbers. MaxLogical is then
	// the layout's at most.
	Layout Layout
}

// New returns a clock. It returns an error for options that contradict each other.
func New(o Options) (*Clock, error) {
	r, err := o.rules()
	if err != nil {
		return nil, err
	}
	if o.Physical != nil && o.Wall != nil {
		return nil, errors.New("hlc: Physical and Wall are both set: a clock has one clock underneath")
	}
	if o.Physical == nil && o.Wall == nil {
		if o.Wall, err = NewWallClock(WallOptions{}); err != nil {
			return nil, err
		}
	}
	return &Clock{rules: r, wall: o.Wall, read: o.Physical, latest: o.Latest}, nil
}

func (o Options) rules() (rules, error) {
	if o.MaxLead < 0 {
		return rules{}, errors.New("hlc: MaxLead is negative")
	}
	r := rules{layout: o.Layout, maxLogical: DefaultMaxLogical, maxLead: int64(DefaultMaxLead), end: lastWall}
	if o.MaxLead > 0 {
		r.maxLead = int64(o.MaxLead)
	}
	if o.MaxLogical > 0 {
		r.maxLogical = o.MaxLogical
	}
	if o.Layout == (Layout{}) {
		return r, nil
	}
	if o.MaxLogical > o.Layout.MaxLogical() {
		return rules{}, fmt.Errorf("hlc: MaxLogical %d is more than layout %v holds, %d", o.MaxLogical, o.Layout, o.Layout.MaxLogical())
	}
	r.maxLogical = min(r.maxLogical, o.Layout.MaxLogical())
	r.packed = true
	first, err := o.Layout.Round(Timestamp{WallTime: max(0, o.Layout.epoch)})
	if err != nil {
		return rules{}, err
	}
	r.begin = first.WallTime
	r.end = max(r.begin, min(r.end, o.Layout.Max().WallTime-int64(time.Second)))
	return r, nil
}
