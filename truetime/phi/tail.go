package phi

import "math"

// far is where math.Erfc is left for its asymptotic series: before it underflows (at 26.5), and
// where five terms of the series are as exact as a float64.
const far = 25

// tail returns −log₁₀ of the probability that a standard normal variable exceeds z. It is finite
// for each finite z, not negative, and never falls with z but for the last digits.
func tail(z float64) float64 {
	x := z / math.Sqrt2
	switch {
	case x < 0: // close to probability 1, where a logarithm would see nothing but 1
		return -math.Log1p(-math.Erfc(-x)/2) / math.Ln10
	case x < far:
		return -math.Log10(math.Erfc(x) / 2)
	}
	// erfc(x) ≈ e^(−x²)/(x√π) · (1 − 1/(2x²) + 3/(2x²)² − 15/(2x²)³ + 105/(2x²)⁴).
	// Source: Abramowitz and Stegun, 7.1.23.
	y := 1 / (2 * x * x)
	series := -y * (1 - 3*y*(1-5*y*(1-7*y)))
	return (x*x + math.Log(2*x*math.Sqrt(math.Pi)) - math.Log1p(series)) / math.Ln10
}

// beyond returns a z whose tail is at least phi, and close: the tail of z is less than e^(−z²/2). A
// billionth more makes up for what floats leave of that where phi is huge.
func beyond(phi float64) float64 { return math.Sqrt(2*math.Ln10*phi) * (1 + 1e-9) }
