package truetime

import (
	"fmt"
	"sync/atomic"
)

// Reading is one look at the local clock: Nanos nanoseconds since an arbitrary
// zero point, in the given epoch. It is not a time of day and only means
// something next to another reading of the same epoch.
//
// Epochs are unique within a process, also across several local clocks, and
// never 0; the zero Reading therefore belongs to no clock.
type Reading struct {
	Nanos int64
	Epoch uint64
}

// String shows the reading as "12.000000345s in epoch 3".
func (r Reading) String() string {
	return fmt.Sprintf("%d.%09ds in epoch %d", r.Nanos/1e9, max(r.Nanos%1e9, -(r.Nanos%1e9)), r.Epoch)
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
// Epoch numbers come from [NewEpoch], so that a later epoch has a higher number.
// Implementations are safe for concurrent use.
type LocalClock interface {
	Read() (Reading, error)
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
