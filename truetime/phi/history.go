package phi

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Options are those of a [History] and a [Detector]. Zero fields get the defaults.
type Options struct {
	// First is the interval that is expected before one was measured: 1 s if it is 0. Two
	// intervals, a quarter shorter and a quarter longer, stand in the window until real ones
	// have pushed them out.
	First time.Duration
	// Window is how many intervals are remembered: 200 if it is 0, at most 10 000.
	Window int
	// MinStdDev is the least deviation that is assumed: a tenth of First if it is 0.
	MinStdDev time.Duration
	// Pause is a silence that is accepted beyond what was measured, such as a GC pause.
	Pause time.Duration
	// Longest is the longest interval that is learnt: ten times First if it is 0, at most 24 h.
	// A longer one was an outage, and one outage in the window would blind it to the next.
	//
	// HAZARD: if all intervals become longer than that, none is learnt and the peer is
	// suspected between any two heartbeats.
	Longest time.Duration
}

// ErrOptions: an option is out of range.
var ErrOptions = errors.New("phi: option out of range")

const (
	windowMost  = 10_000
	longestMost = 24 * time.Hour
)

func (o Options) normal() (Options, error) {
	if o.First == 0 {
		o.First = time.Second
	}
	if o.Window == 0 {
		o.Window = 200
	}
	if o.MinStdDev == 0 {
		o.MinStdDev = max(o.First/10, 1)
	}
	if o.Longest == 0 {
		o.Longest = min(max(o.First, o.First*10), longestMost)
	}
	switch {
	case o.Window < 2 || o.Window > windowMost:
		return o, fmt.Errorf("%w: Window %d is not from 2 to %d", ErrOptions, o.Window, windowMost)
	case o.First < 0 || o.MinStdDev < 0 || o.Pause < 0:
		return o, fmt.Errorf("%w: none may be negative", ErrOptions)
	case o.First > longestMost:
		return o, fmt.Errorf("%w: First %v is above %v", ErrOptions, o.First, longestMost)
	case o.Longest > longestMost || o.Longest < o.First+o.First/4:
		return o, fmt.Errorf("%w: Longest %v is not from 5/4 of First to %v", ErrOptions, o.Longest, longestMost)
	}
	return o, nil
}

// History is the distribution of the last intervals. It has no clock: a [Detector] is one with a
// clock. It is not safe for concurrent use.
type History struct {
	options Options
	ring    []int64 // nanoseconds
	next    int
	sum     int64   // of them: at most 10⁴ days, which an int64 holds
	squares uint128 // sum of their squares: exact, so that nothing is left behind by what is forgotten
}

// NewHistory returns one that expects the first interval. It returns [ErrOptions].
func NewHistory(options Options) (*History, error) {
	options, err := options.normal()
	if err != nil {
		return nil, err
	}
	h := &History{options: options, ring: make([]int64, 0, options.Window)}
	h.Add(options.First - options.First/4)
	h.Add(options.First + options.First/4)
	return h, nil
}

// Add adds an interval and forgets the oldest one if the window is full. It reports whether the
// interval was learnt: not if it is negative or beyond [Options.Longest].
func (h *History) Add(interval time.Duration) bool {
	if interval < 0 || interval > h.options.Longest {
		return false
	}
	x := int64(interval)
	if len(h.ring) < h.options.Window {
		h.ring = append(h.ring, x)
	} else {
		old := h.ring[h.next]
		h.sum, h.squares = h.sum-old, h.squares.minus(square(old))
		h.ring[h.next] = x
		h.next = (h.next + 1) % h.options.Window
	}
	h.sum, h.squares = h.sum+x, h.squares.plus(square(x))
	return true
}

// Distribution is what a history takes intervals for: normally distributed.
type Distribution struct {
	Mean, StdDev time.Duration // as measured, before Pause and MinStdDev
	Intervals    int           // that they rest on
}

// Distribution returns the present one.
func (h *History) Distribution() Distribution {
	mean, deviation := h.moments()
	return Distribution{time.Duration(math.Round(mean)), time.Duration(math.Round(deviation)), len(h.ring)}
}

func (h *History) moments() (mean, deviation float64) {
	n := uint64(len(h.ring))
	// n²·variance = n·Σx² − (Σx)²: exact in 128 bits, for n < 2¹⁴ and x < 2⁴⁷.
	scaled := h.squares.times(n).minus(square(h.sum))
	return float64(h.sum) / float64(n), math.Sqrt(scaled.float()) / float64(n)
}

// Phi returns φ of a silence: 0 for one that nobody would notice, and more the less likely it is
// that a living peer is silent for so long. It is finite and never NaN.
func (h *History) Phi(silence time.Duration) float64 {
	mean, deviation := h.normal()
	return tail((float64(silence) - mean) / deviation)
}

// normal returns the moments of the distribution that is assumed.
func (h *History) normal() (mean, deviation float64) {
	mean, deviation = h.moments()
	return mean + float64(h.options.Pause), max(deviation, float64(h.options.MinStdDev))
}

// Timeout returns the shortest silence whose φ reaches the threshold: 0 for a threshold of 0, or
// one that is no number, and the longest duration there is for one that is never reached.
func (h *History) Timeout(threshold float64) time.Duration {
	if !(threshold > 0) || h.Phi(0) >= threshold {
		return 0
	}
	mean, deviation := h.normal()
	least, enough := int64(0), int64(math.MaxInt64)
	if most := mean + deviation*beyond(threshold) + 1; most < math.MaxInt64/2 {
		enough = int64(most)
	}
	for enough-least > 1 { // φ(least) < threshold ≤ φ(enough)
		middle := least + (enough-least)/2
		if h.Phi(time.Duration(middle)) < threshold {
			least = middle
		} else {
			enough = middle
		}
	}
	return time.Duration(enough)
}

// uint128 is a number that is not negative.
type uint128 struct{ high, low uint64 }

func square(x int64) (s uint128) {
	s.high, s.low = bits.Mul64(uint64(x), uint64(x))
	return s
}

func (a uint128) plus(b uint128) uint128 {
	low, carry := bits.Add64(a.low, b.low, 0)
	return uint128{a.high + b.high + carry, low}
}

func (a uint128) minus(b uint128) uint128 {
	low, borrow := bits.Sub64(a.low, b.low, 0)
	return uint128{a.high - b.high - borrow, low}
}

func (a uint128) times(n uint64) uint128 {
	high, low := bits.Mul64(a.low, n)
	return uint128{a.high*n + high, low}
}

func (a uint128) float() float64 { return math.Ldexp(float64(a.high), 64) + float64(a.low) }
