package ntpprobe

import (
	"math"
	"math/bits"
)

// rateUnit is one: 10⁹ parts per billion, far beyond any drift.
const rateUnit = 1_000_000_000

// rates is what pairs of constraints prove about the rate of θ = true time −
// local clock, in parts per billion: over some stretch its mean was at most most, and
// over some stretch at least least. Without a pair they are ±rateUnit.
//
// If θ may stray by the wander V from a straight line of slope F, the mean over any
// stretch is within F ± V, so F is in [least − V, most + V]; with |rate| ≤ D alone,
// least ≤ D and −D ≤ most. Anything else disproves the assumption or the server.
type rates struct {
	least, most int64
}

// straight returns the range in which F must lie under the drift D and the wander V.
// It is false if there is none.
func (r rates) straight(driftPPB, wanderPPB int64) (lo, hi int64, ok bool) {
	lo, hi = max(-driftPPB, r.least-wanderPPB), min(driftPPB, r.most+wanderPPB)
	return lo, hi, lo <= hi && !r.contradict(driftPPB)
}

// contradict reports whether no clock within the drift can meet all constraints.
func (r rates) contradict(driftPPB int64) bool { return r.most < -driftPPB || r.least > driftPPB }

// pairRates looks at all pairs of an upper and a lower constraint, both lists in
// the order of their readings: n·log n in practice, n² if all are in convex position.
func pairRates(upper, lower []constraint) rates {
	return rates{
		most:  flattest(lower, upper, +1),
		least: -flattest(upper, lower, -1),
	}
}

// flattest returns the smallest slope, rounded up, of all lines from an older
// lower constraint to an upper one that is not older. With side = −1 the picture is turned upside
// down: from older upper to newer lower constraints, and the result is the negated largest
// slope.
//
// It walks along the readings and keeps the upper hull of the older points, since the
// flattest line to any newer point touches that.
func flattest(older, newer []constraint, side int64) int64 {
	best := int64(rateUnit)
	var hull []constraint
	next := 0
	for _, n := range newer {
		for ; next < len(older) && older[next].at < n.at; next++ {
			hull = appendHull(hull, older[next], side)
		}
		if next < len(older) && older[next].at == n.at && side*n.aheadNanos(older[next]) < 0 {
			return -rateUnit // a contradiction at one reading: no rate explains it
		}
		if touch, ok := tangent(hull, n, side); ok {
			best = min(best, slopeUp(side*n.aheadNanos(touch), n.at-touch.at))
		}
	}
	return best
}

// appendHull adds a point to the right of a hull and drops what it covers. A point
// dropped by a rounding error only loosens the result.
func appendHull(hull []constraint, p constraint, side int64) []constraint {
	for len(hull) >= 2 {
		a, b := hull[len(hull)-2], hull[len(hull)-1]
		below := float64(side) * (b.ahead(a)*float64(p.at-a.at) - p.ahead(a)*float64(b.at-a.at))
		if below > 0 {
			break // b stands out above the line from a to p
		}
		hull = hull[:len(hull)-1]
	}
	return append(hull, p)
}

// tangent returns the point of the hull from which the line to p is flattest.
func tangent(hull []constraint, p constraint, side int64) (touch constraint, ok bool) {
	flat := math.Inf(1)
	for _, h := range hull {
		if slope := float64(side) * p.ahead(h) / float64(p.at-h.at); slope < flat {
			touch, flat, ok = h, slope, true
		}
	}
	return touch, ok
}

// slopeUp is rise/run in parts per billion, rounded up and cut to ±rateUnit. run
// is positive.
func slopeUp(rise, run int64) int64 {
	negative := rise < 0
	magnitude := uint64(rise)
	if negative {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, rateUnit)
	if hi >= uint64(run) {
		return cut(negative)
	}
	quotient, rest := bits.Div64(hi, lo, uint64(run))
	switch {
	case quotient >= rateUnit:
		return cut(negative)
	case negative:
		return -int64(quotient)
	case rest != 0:
		quotient++
	}
	return int64(quotient)
}

func cut(negative bool) int64 {
	if negative {
		return -rateUnit
	}
	return rateUnit
}

// saturatingSub subtracts and stays at the end of the range instead of wrapping.
func saturatingSub(a, b int64) int64 {
	d := a - b
	switch {
	case a >= 0 && b < 0 && d < 0:
		return math.MaxInt64
	case a < 0 && b >= 0 && d >= 0:
		return math.MinInt64
	}
	return d
}
