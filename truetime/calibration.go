package truetime

import (
	"errors"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// calibrationWidth is how well the counter must be known: 1/50 000, 20 ppm. Two
// looks of half a microsecond reach it after 50 ms.
const calibrationWidth = 50_000

var errCalibrating = errors.New("truetime: the CPU counter is still being measured")

// calibration measures how long a tick of the counter lasts on the strict clock.
//
// Both count the same hardware: while the kernel's clock source is the counter,
// RAW is its value times a constant (Linux, kernel/time/timekeeping.c). So the
// tempo is one number as long as the epoch lasts, and two looks enclose it: between the two strict
// readings, no fewer ticks passed than between the insides of the looks and no more than between
// their outsides. That rests on the order of reads, which the fences keep.
type calibration struct {
	period time.Duration
	trust  func() error

	// Written by whoever holds extension.writing.
	first, last look
	known       tempo // limit 0 until measured

	doubt atomic.Pointer[error]
}

func (c *calibration) init(period time.Duration, trust func() error) {
	c.period, c.trust = period, trust
	c.say(errCalibrating)
}

func (c *calibration) say(err error) { c.doubt.Store(&err) }

// tempo takes a look into account and says how it may be extended.
func (c *calibration) tempo(l look) tempo {
	switch {
	case l.Epoch != c.first.Epoch:
		c.restart(l)
		if err := c.trust(); err != nil {
			c.say(err) // in this epoch every read is strict
		}
	case errors.Is(*c.doubt.Load(), ErrNoCounter):
	case c.known.limit == 0:
		c.measure(l)
	case !c.known.explains(c.first, l) || !c.known.explains(c.last, l):
		c.restart(l)
	}
	c.last = l
	return c.known
}

func (c *calibration) restart(l look) {
	c.first, c.known = l, tempo{}
	c.say(errCalibrating)
}

// measure ends the calibration if first and l are far enough apart. A first look
// that was interrupted is replaced by a better one, or it would take minutes.
func (c *calibration) measure(l look) {
	t, ok := between(c.first, l)
	switch {
	case ok && t.longest-t.shortest <= t.longest/calibrationWidth:
		t.limit = uint64(c.period) << 32 / t.longest
		c.known = t
		c.say(nil)
	case l.after-l.before <= (c.first.after-c.first.before)/4:
		c.first = l
	}
}

// elapsed returns how many ticks passed at least and at most between the
// instants of two strict readings. Whole ticks are counted, which hides one.
func elapsed(a, b look) (least, most int64) { return b.before - a.after - 1, b.after - a.before + 1 }

// between encloses the tempo by two looks. It is false if they are too close, or
// no counter does this.
func between(a, b look) (tempo, bool) {
	least, most := elapsed(a, b)
	ns := b.Nanos - a.Nanos
	if least <= 0 || most < least || ns < 2 || uint64(ns+1)>>32 >= uint64(least) {
		return tempo{}, false
	}
	shortest, _ := bits.Div64(uint64(ns-1)>>32, uint64(ns-1)<<32, uint64(most))
	longest, rest := bits.Div64(uint64(ns+1)>>32, uint64(ns+1)<<32, uint64(least))
	if rest != 0 {
		longest++
	}
	return tempo{shortest: shortest, longest: longest}, longest < math.MaxInt64
}

// explains reports whether the ticks between two looks, at this tempo, agree
// with what the strict clock counted.
func (t tempo) explains(a, b look) bool {
	least, most := elapsed(a, b)
	ns := b.Nanos - a.Nanos
	return most > 0 && ns >= 0 &&
		uint64(ns)+1 >= scale(uint64(max(least, 0)), t.shortest) &&
		uint64(max(ns-2, 0)) <= scale(uint64(most), t.longest)
}

// scale returns ticks × tempo in nanoseconds, rounded down, at most 2⁶⁴ − 1.
func scale(ticks, tempo uint64) uint64 {
	hi, lo := bits.Mul64(ticks, tempo)
	if hi >= 1<<32 {
		return math.MaxUint64
	}
	return hi<<32 | lo>>32
}
