package ntpprobe

import "math"

// slopes are how fast the two sides of every claim age, in parts per billion of
// the local clock: from any reading on, θ rises at most by up and at least by down per unit.
type slopes struct{ down, up int64 }

// span is the range of true time that a server, or a domain, leaves at one
// reading, and the constraints that limit it. It is inverted if the claims exclude each other.
type span struct {
	lo, hi       int64 // unix nanoseconds, rounded outward
	lower, upper constraint
}

// spanOf evaluates all constraints at a reading that is not before any of them.
func spanOf(lower, upper []constraint, nanos int64, s slopes) span {
	down, up := tightest(lower, -1, s.down), tightest(upper, +1, s.up)
	result := span{lo: math.MinInt64, hi: math.MaxInt64, lower: down, upper: up}
	if v, ok := down.line(s.down).Floor(nanos); ok {
		result.lo = v
	}
	if v, ok := up.line(s.up).Ceil(nanos); ok {
		result.hi = v
	}
	return result
}

// tightest returns the constraint that is tightest at any later reading: all age
// at the same slope, so the order never changes.
func tightest(list []constraint, side int64, slopePPB int64) constraint {
	slope := float64(slopePPB) / rateUnit
	best, least := list[0], 0.0
	for _, c := range list[1:] {
		if loose := float64(side) * (c.ahead(list[0]) - slope*float64(c.at-list[0].at)); loose < least {
			best, least = c, loose
		}
	}
	return best
}

// at returns what the server alone says at a reading not before any sample.
func (w *window) at(nanos int64, s slopes) span { return spanOf(w.lower, w.upper, nanos, s) }

// tighten returns what two that must both be right leave.
func (s span) tighten(o span) span {
	if o.lo > s.lo {
		s.lo, s.lower = o.lo, o.lower
	}
	if o.hi < s.hi {
		s.hi, s.upper = o.hi, o.upper
	}
	return s
}

// unlimited reports whether a side says nothing any more.
func (s span) unlimited() bool { return s.lo == math.MinInt64 || s.hi == math.MaxInt64 }
