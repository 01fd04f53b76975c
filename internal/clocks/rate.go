package clocks

import (
	"math"
	"slices"
)

// Rate is by how much one clock ran faster than another, as a ratio: 1e-6 is 1 ppm. It lies
// within Error of Ratio.
type Rate struct{ Ratio, Error float64 }

func (r Rate) least() float64 { return r.Ratio - r.Error }
func (r Rate) most() float64  { return r.Ratio + r.Error }

// beyond reports whether r certainly differs from b by more than limit.
func (r Rate) beyond(b Rate, limit float64) bool {
	return r.least() > b.most()+limit || r.most() < b.least()-limit
}

// within reports whether r certainly differs from all that b may be by limit at most.
func (r Rate) within(b Rate, limit float64) bool {
	return r.least() >= b.least()-limit && r.most() <= b.most()+limit
}

// meet returns what both say, or newer if they contradict each other.
func (r Rate) meet(newer Rate) Rate {
	least, most := max(r.least(), newer.least()), min(r.most(), newer.most())
	if least > most {
		return newer
	}
	return Rate{least + (most-least)/2, (most - least) / 2}
}

// RateBetween returns how much faster than d the clock c ran between two sandwiches. The error
// is what the widths of the two and the ticks leave open. It is infinite if no time passed for certain.
//
// It says nothing about clocks if one of the two was stepped meanwhile, or stood still and the
// other did not: see [Judge].
func RateBetween(first, last Sandwich, c, d Clock) Rate {
	passed := float64(last.Reading(d) - first.Reading(d))
	blur := float64(first.Width()) + float64(last.Width()) + float64(first.Tick+last.Tick) // more than the moments meant may lie off
	shortest, longest := passed-blur, passed+blur
	if shortest <= 0 {
		return Rate{0, math.Inf(1)}
	}
	gained := last.Difference(c, d).minus(first.Difference(c, d))
	ends := []float64{
		float64(gained.Least) / shortest, float64(gained.Least) / longest,
		float64(gained.Most) / shortest, float64(gained.Most) / longest,
	}
	least, most := min(ends[0], ends[1]), max(ends[2], ends[3])
	return Rate{least + (most-least)/2, (most - least) / 2}
}

// Disturbed reports whether what happened between two sandwiches moved one of the clocks c and d:
// their rate is then that of nothing.
func Disturbed(events []Event, c, d Clock) bool {
	moved := map[Kind][]Clock{Step: {Realtime, TAI}, Leap: {TAI}, Suspend: {Boottime, Realtime, TAI}}
	return slices.ContainsFunc(events, func(e Event) bool {
		return slices.Contains(moved[e.Kind], c) || slices.Contains(moved[e.Kind], d)
	})
}
