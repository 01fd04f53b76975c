package allan

import (
	"math"
	"time"
)

// Point is the Allan deviation over one averaging time.
type Point struct {
	Tau       time.Duration
	Deviation float64 // a ratio: 1e-6 is 1 ppm
	Terms     int     // second differences that it is the mean of; with few it is a rough guess
	Error     float64 // of Deviation, one standard deviation, about: 1 is 100 %
}

// Deviation returns the overlapping Allan deviation at τ = m·tau0 of offsets in seconds
// that are tau0 apart, and the number of terms; 0 and 0 if there are fewer than 2m + 1
// offsets, or for an m or tau0 that is not positive.
//
// Source: Riley, NIST Special Publication 1065, §5.2.4: the mean of the squared second
// differences x[i+2m] − 2x[i+m] + x[i], over 2τ².
func Deviation(offsets []float64, tau0 float64, m int) (deviation float64, terms int) {
	n := len(offsets) - 2*m
	if m < 1 || n < 1 || !(tau0 > 0) {
		return 0, 0
	}
	sum := 0.0
	for i := range n {
		d := offsets[i+2*m] - 2*offsets[i+m] + offsets[i]
		sum += d * d
	}
	tau := float64(m) * tau0
	return math.Sqrt(sum / (2 * tau * tau * float64(n))), n
}

// relativeError is one standard deviation of a deviation, as a part of it, taking only those
// terms as independent that do not overlap: too large rather than too small.
//
// Source: NIST Special Publication 1065, §5.3.1: σ/√N.
func relativeError(terms, m int) float64 { return 1 / math.Sqrt(1+float64((terms-1)/m)) }

// Octaves returns the deviation at tau0, 2·tau0, 4·tau0, … as far as the offsets go.
func Octaves(offsets []float64, tau0 time.Duration) []Point {
	var points []Point
	for m := 1; ; m *= 2 {
		deviation, terms := Deviation(offsets, tau0.Seconds(), m)
		if terms == 0 {
			return points
		}
		points = append(points, Point{Tau: time.Duration(m) * tau0, Deviation: deviation, Terms: terms, Error: relativeError(terms, m)})
	}
}
