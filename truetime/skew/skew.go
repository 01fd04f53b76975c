package skew

import (
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// wallDrift is the most by which an operating system's clock is assumed to run wrong while
// nodes are asked one after the other, in parts per million. It is the limit of the kernel's own
// loop (RFC 5905 §4). HAZARD: a clock that is stepped or slewed faster within these
// milliseconds makes the range of its skew wrong by as much.
const wallDrift = 500

// Node is what one node said: at the moment at which its clock showed Read, the true time was
// from Earliest to Latest. All are unix ns. Sent and Got are readings of the asker's local clock before it
// asked and after it had the answer.
type Node struct {
	Known                  bool // false: it is down, or has no interval; nothing else counts then
	Read, Earliest, Latest int64
	Sent, Got              truetime.Reading
}

// NodeError says why a claim cannot be used.
type NodeError struct{ What string }

func (e *NodeError) Error() string { return "skew: " + e.What }

// The moments that can be subtracted from each other: 1970 to 2099.
const lowest, highest = 0, 4_102_444_800_000_000_000

// Validate returns a [*NodeError] for a claim that [Compare] cannot use: unknown, inverted, or with a moment that
// is not from 1970 to 2099.
func (n Node) Validate() error {
	switch {
	case !n.Known:
		return &NodeError{"the node has no interval"}
	case min(n.Read, n.Earliest) < lowest || max(n.Read, n.Latest) >= highest:
		return &NodeError{"a moment is not from 1970 to 2099"}
	case n.Earliest > n.Latest:
		return &NodeError{"the interval is inverted"}
	}
	return nil
}

// State says what is certain of two clocks.
type State string

// The states of a pair.
const (
	Within    State = "within"    // apart by at most the limit
	Perhaps   State = "perhaps"   // perhaps by more
	Over      State = "over"      // certainly by more
	Disproved State = "disproved" // the intervals cannot both be true
	Unknown   State = "unknown"   // one of them is down
	Itself    State = "itself"
)

// Symbol is how a state is drawn.
func (s State) Symbol() string {
	return map[State]string{Within: "*", Perhaps: "~", Over: "!", Disproved: "x", Unknown: "?", Itself: "-"}[s]
}

// Pair is what two nodes' answers allow: the clock of the first minus that of the second is
// from Min to Max. Both are 0 if the state is Unknown or Disproved.
type Pair struct {
	State    State
	Min, Max time.Duration
}

// Compare returns what is certain of the clocks of a and b. Both must be valid (see [Node.Validate]) if they are known.
func Compare(a, b Node, limit time.Duration) Pair {
	if !a.Known || !b.Known || a.Sent.Epoch != b.Sent.Epoch || a.Got.Epoch != a.Sent.Epoch || b.Got.Epoch != b.Sent.Epoch {
		return Pair{State: Unknown}
	}
	// How long after a's reading b's was made, in true time: by the asker's clock, and by the two claims.
	soonest, latest := outward(b.Sent.Early().Nanos-a.Got.Late().Nanos, b.Got.Late().Nanos-a.Sent.Early().Nanos)
	if b.Latest-a.Earliest < soonest || b.Earliest-a.Latest > latest {
		return Pair{State: Disproved}
	}
	// A clock is ahead of the true time by Read − true.
	apart := max(-soonest, latest, 0)
	slack := 2 * ceil(apart, wallDrift)
	p := Pair{
		Min: time.Duration((a.Read - a.Latest) - (b.Read - b.Earliest) - slack),
		Max: time.Duration((a.Read - a.Earliest) - (b.Read - b.Latest) + slack),
	}
	switch {
	case p.Min > limit || p.Max < -limit:
		p.State = Over
	case p.Min >= -limit && p.Max <= limit:
		p.State = Within
	default:
		p.State = Perhaps
	}
	return p
}

// outward moves both ends of a duration by what the asker's clock may run wrong.
func outward(low, high int64) (int64, int64) {
	const ppm = truetime.DefaultDriftPPB / 1000
	return low - ceil(max(low, -low), ppm), high + ceil(max(high, -high), ppm)
}

// ceil is parts per million of a duration, rounded up.
func ceil(nanos, ppm int64) int64 {
	return nanos/1_000_000*ppm + (nanos%1_000_000*ppm+999_999)/1_000_000
}
