package clocks

import (
	"math"
	"time"
)

const (
	// slewLeast is by how much the rate must change to be called a slew. A daemon that follows
	// its servers changes it by less all the time.
	slewLeast = 100e-6
	// steadyMost is the largest correction of the frequency that the kernel accepts: a clock
	// that is further from RAW when the watch begins is being slewed. Source: MAXFREQ.
	steadyMost = 500e-6
	// kernelError is how far the rate may be from what the kernel says.
	kernelError = 1e-6
	// windowLeast is how long the rate is averaged before it counts as quiet, and windowMost how
	// long it is waited for certainty.
	windowLeast, windowMost = int64(time.Second), int64(10 * time.Second)
)

// slews looks at the rate of MONOTONIC against RAW since the last sandwich, or, if that is not
// certain, since j.from: a window that grows until it is. A slew is told at the second window in
// which it is certain: it may have begun within the first.
func (j Judge) slews(s Sandwich, note func(Event)) Judge {
	rate, from := RateBetween(j.from, s, Monotonic, Raw), j.from
	if short := RateBetween(j.last, s, Monotonic, Raw); short.beyond(j.base, slewLeast) {
		rate, from = short, j.last
	}
	if math.IsInf(rate.Error, 0) {
		return j
	}
	window := s.Raw[0] - j.from.Raw[1]
	beyond := rate.beyond(j.base, slewLeast)
	otherWay := (rate.Ratio > j.base.Ratio) != (j.rate.Ratio > j.base.Ratio)
	switch {
	case beyond && !j.slewing:
		j = j.begin(rate, from, s)
	case beyond && otherWay:
		// It turned somewhere in between: neither of the two is known better than that.
		blur := time.Duration(math.Abs(j.rate.Ratio-j.base.Ratio) * float64(s.Raw[1]-j.from.Raw[0]))
		e := j.slew(j.from)
		e.Error += blur
		note(e)
		j = j.begin(rate, from, s)
		j.blur = blur
	case beyond:
		if !j.told {
			note(Event{Kind: Slew, Rate: rate, Within: time.Duration(s.Raw[1] - j.began.Raw[0])})
		}
		if !j.told || math.Abs(rate.Ratio-j.base.Ratio) > math.Abs(j.rate.Ratio-j.base.Ratio) {
			j.rate = rate
		}
		j.told, j.from = true, s
	case j.slewing && rate.within(j.base, slewLeast):
		note(j.slew(s))
		j.slewing, j.from = false, s
	case !j.slewing && (window >= windowLeast || !j.based && rate.Error < slewLeast/2):
		j = j.calm(rate, s)
	case window >= windowMost:
		j.from = s
	}
	return j
}

// begin notes that a slew began no earlier than the last quiet window.
func (j Judge) begin(rate Rate, from, s Sandwich) Judge {
	j.began, j.certain = j.from, from
	if j.isQuiet {
		j.began = j.quietFrom
	}
	j.slewing, j.told, j.isQuiet, j.rate, j.from, j.blur = true, false, false, rate, s, 0
	return j
}

// calm ends a quiet window at s and begins another.
func (j Judge) calm(rate Rate, s Sandwich) Judge {
	switch {
	case !j.based:
		j.base, j.based = j.base.meet(rate), true
	case j.isQuiet:
		j.base = j.base.meet(j.quiet)
	}
	j.quiet, j.quietFrom, j.isQuiet, j.from = rate, j.from, true, s
	return j
}

// slew says what the slew has done until a sandwich: by how much MONOTONIC moved against RAW
// beyond what it would have without.
func (j Judge) slew(s Sandwich) Event {
	lasted := float64(s.Reading(Raw) - j.began.Reading(Raw))
	moved := s.Difference(Monotonic, Raw).minus(j.began.Difference(Monotonic, Raw))
	moved = moved.minus(Range{int64(math.Floor(lasted * j.base.least())), int64(math.Ceil(lasted * j.base.most()))})
	return Event{Kind: SlewEnd, Size: moved.Middle(), Error: moved.Error() + j.blur, Rate: j.rate, For: s.Since(j.certain)}
}

// Slewing returns what a slew that is still on has done so far.
func (j Judge) Slewing() (Event, bool) {
	if !j.slewing {
		return Event{}, false
	}
	e := j.slew(j.last)
	e.Kind, e.Wall = Slew, j.last.Reading(Realtime)
	return e, true
}
