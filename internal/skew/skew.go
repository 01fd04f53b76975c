// Package skew compares the clocks of nodes that each say what the true time is: how far
// two of them can be apart, whether their claims can both be true, and whose clock is
// out by what a majority can prove. It is pure: answers come in with the readings between
// which they were asked for.
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

// Compare returns what is certain of the clocks of a and b. Their times must lie within 130 years of each other.
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

// Verdict says what a majority proves of a node's clock.
type Verdict string

// The three verdicts. Isolation is not a fault: of a node that nobody can compare,
// nothing is known.
const (
	Healthy Verdict = "healthy" // with itself, more than half of all nodes are certainly within the limit of it
	Evict   Verdict = "evict"   // more than half of all nodes are healthy and certainly out of it, or disprove it
	Nothing Verdict = "unknown"
)

// Matrix returns each node against each, and the verdicts. More than half means of all
// nodes that were named, the ones that are down too: two halves of a cluster
// must not evict each other.
func Matrix(nodes []Node, limit time.Duration) ([][]Pair, []Verdict) {
	pairs, verdicts := make([][]Pair, len(nodes)), make([]Verdict, len(nodes))
	for i, a := range nodes {
		pairs[i] = make([]Pair, len(nodes))
		for j, b := range nodes {
			if pairs[i][j] = Compare(a, b, limit); i == j {
				pairs[i][j] = Pair{State: Itself}
			}
		}
		within := count(pairs[i], func(_ int, s State) bool { return s == Within || s == Itself && a.Known })
		if verdicts[i] = Nothing; 2*within > len(nodes) {
			verdicts[i] = Healthy
		}
	}
	for i := range nodes {
		out := count(pairs[i], func(j int, s State) bool {
			return verdicts[j] == Healthy && (s == Over || s == Disproved) // who is out itself proves nothing
		})
		if 2*out > len(nodes) {
			verdicts[i] = Evict
		}
	}
	return pairs, verdicts
}

func count(row []Pair, what func(int, State) bool) (n int) {
	for j, p := range row {
		if what(j, p.State) {
			n++
		}
	}
	return n
}
