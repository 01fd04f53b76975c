package truetime

import "math/bits"

// slopeUnit is one: a slope of slopeUnit parts per billion would double the rate.
const slopeUnit = 1_000_000_000

// Line is one straight line over the readings of the local clock: at reading At
// (nanoseconds, epoch as in the bound) true time is at most, or at least, Nanos
// (unix nanoseconds), and from there the limit runs SlopePPB parts per billion faster than the
// local clock. |SlopePPB| < 1e9.
type Line struct {
	At       int64
	Nanos    int64
	SlopePPB int64
}

// Floor returns the line's value at reading nanos, rounded down. It is false
// if the value does not fit 64 bits. nanos must not be before l.At.
func (l Line) Floor(nanos int64) (int64, bool) { return l.value(nanos, false) }

// Ceil is Floor rounded up.
func (l Line) Ceil(nanos int64) (int64, bool) { return l.value(nanos, true) }

// shortLine and shortSlope bound the products that fit 62 bits: 73 minutes at
// up to 1048 ppm, which is nearly every Now there is.
const (
	shortLine  = 1 << 42
	shortSlope = 1 << 20
)

// value computes Nanos + d + d·SlopePPB/1e9 for d = nanos − At ≥ 0.
func (l Line) value(nanos int64, up bool) (int64, bool) {
	d := uint64(nanos) - uint64(l.At) // exact, since nanos ≥ At
	if d >= shortLine || uint64(l.SlopePPB+shortSlope) >= 2*shortSlope {
		return l.far(d, up)
	}
	product := int64(d) * l.SlopePPB
	switch { // the division rounds towards 0, which is the wrong side in these two cases
	case up && product > 0:
		product += slopeUnit - 1
	case !up && product < 0:
		product -= slopeUnit - 1
	}
	return addChecked(l.Nanos, int64(d)+product/slopeUnit)
}

// far is value with a 128-bit product, for any d and slope: 200 000 ppb overflow
// 64 bits after 13 hours. It is the judge of the short way.
func (l Line) far(d uint64, up bool) (int64, bool) {
	if d > 1<<63-1 {
		return 0, false
	}
	slope, negative := uint64(l.SlopePPB), false
	if l.SlopePPB < 0 {
		slope, negative = -slope, true
	}
	hi, lo := bits.Mul64(d, slope)
	if hi >= slopeUnit { // only with |slope| ≥ 1e9·2, which validation refuses
		return 0, false
	}
	drift, rest := bits.Div64(hi, lo, slopeUnit)
	if rest != 0 && up != negative {
		drift++ // away from the exact value, towards the side we promised
	}
	if drift > 1<<63-1 {
		return 0, false
	}
	v, ok := addChecked(l.Nanos, int64(d))
	if !ok {
		return 0, false
	}
	if negative {
		return addChecked(v, -int64(drift))
	}
	return addChecked(v, int64(drift))
}

// addChecked adds without wrapping.
func addChecked(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}
