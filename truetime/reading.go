package truetime

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Reading is one look at the local clock: Nanos nanoseconds since an arbitrary
// zero point, in the given epoch. It is not a time of day and only means
// something next to another reading of the same epoch.
//
// A clock that is cheaper than the strict one it follows cannot say exactly
// where that stands. Slack is what it does not know: at the instant of the reading the strict
// clock stood within Nanos ± Slack. It is 0 for a strict clock and never negative.
//
// Epochs are unique within a process, also across several local clocks, and
// never 0; the zero Reading therefore belongs to no clock.
type Reading struct {
	Nanos int64
	Epoch uint64
	Slack time.Duration
}

// Early returns the strict reading before which this one was certainly not
// taken, Nanos − Slack. It stops at the end of the range, and a negative slack, which no clock may
// have, counts as endless.
func (r Reading) Early() Reading {
	early := r.Nanos - int64(r.Slack)
	if early > r.Nanos || r.Slack < 0 {
		early = math.MinInt64
	}
	return Reading{Nanos: early, Epoch: r.Epoch}
}

// Late returns the strict reading after which this one was certainly not taken,
// Nanos + Slack, on the terms of Early.
func (r Reading) Late() Reading {
	late := r.Nanos + int64(r.Slack)
	if late < r.Nanos || r.Slack < 0 {
		late = math.MaxInt64
	}
	return Reading{Nanos: late, Epoch: r.Epoch}
}

// String shows the reading as "12.000000345s in epoch 3", and its slack if it
// has one: "12.000000345s ±1.5µs in epoch 3".
func (r Reading) String() string {
	slack := ""
	if r.Slack != 0 {
		slack = fmt.Sprintf(" ±%v", r.Slack)
	}
	return fmt.Sprintf("%d.%09ds%s in epoch %d", r.Nanos/1e9, max(r.Nanos%1e9, -(r.Nanos%1e9)), slack, r.Epoch)
}

// LocalClock is a free-running counter that is never stepped and never slewed.
//
// Read returns the current reading. Within one epoch readings never go back,
// and the counter's rate differs from that of true time by at most the drift D
// that the bounds were made with. Whenever the counter may have missed time
// (suspend, restore from a snapshot) the implementation must begin a new epoch
// no later than at the first Read after the gap. An error means that
// the counter cannot be read at all.
//
// A clock whose readings have slack follows such a counter within that slack: of
// its readings Early never goes back within an epoch, while Nanos and Late may.
//
// Epoch numbers come from [NewEpoch], so that a later epoch has a higher number.
// Implementations are safe for concurrent use.
type LocalClock interface {
	Read() (Reading, error)
}

// Strict returns the clock that c follows, if c serves readings with slack and
// says whom it follows by a method Strict() LocalClock, and c itself otherwise.
// Bounds are made with the strict clock.
func Strict(c LocalClock) LocalClock {
	if f, ok := c.(interface{ Strict() LocalClock }); ok {
		return f.Strict()
	}
	return c
}

// EpochExplainer is implemented by local clocks that can say why the current
// epoch began, for example "the machine was suspended for 1h2m3s". The text
// ends up in [DisruptedError].
type EpochExplainer interface {
	EpochCause() string
}

// epochs numbers the epochs of all local clocks of the process, so that a bound
// made with one clock can never be read with another by mistake.
var epochs atomic.Uint64

// NewEpoch returns an epoch number that no other local clock of this process
// uses. It is for implementations of [LocalClock].
func NewEpoch() uint64 { return epochs.Add(1) }

// generations numbers the generations of all bounds of the process.
var generations atomic.Uint64

// NewGeneration returns a number for [Bound].Generation that is higher than any
// before it in this process, so that whoever makes bounds next, after a
// restart of the prober say, is never taken for somebody who was disproved.
func NewGeneration() uint64 { return generations.Add(1) }

// epochCause asks the clock why its current epoch began.
func epochCause(c LocalClock) string {
	if e, ok := c.(EpochExplainer); ok {
		if cause := e.EpochCause(); cause != "" {
			return cause
		}
	}
	return "the local clock began a new epoch"
}
