package replay

import (
	"slices"
	"time"

	"github.com/trueclock/trueclock/internal/allan"
)

// Widths are quantiles of half widths.
type Widths struct {
	Count         int
	P50, P95, Max time.Duration
}

// QuantilesOf returns the widths of a set; all 0 if it is empty.
func QuantilesOf(halves []time.Duration) Widths {
	n := len(halves)
	if n == 0 {
		return Widths{}
	}
	halves = slices.Sorted(slices.Values(halves))
	at := func(percent int) time.Duration { return halves[min(n-1, n*percent/100)] }
	return Widths{Count: n, P50: at(50), P95: at(95), Max: halves[n-1]}
}

// Fit is the straight line through offsets that leaves the least squares.
type Fit struct {
	Rate   float64 // a ratio: positive, the clock loses time
	Offset float64 // seconds, at moment 0
}

// FitLine returns the line, and false for fewer than two moments.
func FitLine(samples []allan.Sample) (Fit, bool) {
	n := float64(len(samples))
	var t, x float64
	for _, s := range samples {
		t += s.At.Seconds() / n
		x += s.Offset / n
	}
	var tt, tx float64
	for _, s := range samples {
		dt := s.At.Seconds() - t
		tt += dt * dt
		tx += dt * (s.Offset - x)
	}
	if !(tt > 0) {
		return Fit{}, false
	}
	rate := tx / tt
	return Fit{Rate: rate, Offset: x - rate*t}, true
}
