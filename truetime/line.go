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
func (l Line) Floor(nanos int64) (int64, bool) {
	d := l.after(nanos)
	if l.far(d) {
		return l.wide(d, false)
	}
	v := l.down(d)
	return v, v >= l.Nanos
}

// Ceil is Floor rounded up.
func (l Line) Ceil(nanos int64) (int64, bool) {
	d := l.after(nanos)
	if l.far(d) {
		return l.wide(d, true)
	}
	v := l.up(d)
	return v, v >= l.Nanos
}

// bend returns the line that goes on from l at reading at, where its value,
// rounded outward, is nanos, with another slope.
func (l Line) bend(at, nanos, slopePPB int64) Line {
	if l.SlopePPB == slopePPB {
		return l
	}
	return Line{At: at, Nanos: nanos, SlopePPB: slopePPB}
}

// enclose is lower.Floor(early) and upper.Ceil(late) in one call, since every Now
// makes it.
func enclose(lower, upper *Line, early, late int64) (earliest, latest int64, ok bool) {
	d1, d2 := lower.after(early), upper.after(late)
	if lower.far(d1) || upper.far(d2) {
		earliest, ok1 := lower.wide(d1, false)
		latest, ok2 := upper.wide(d2, true)
		return earliest, latest, ok1 && ok2
	}
	earliest, latest = lower.down(d1), upper.up(d2)
	return earliest, latest, earliest >= lower.Nanos && latest >= upper.Nanos
}

// after returns the distance from the anchor; exact, since nanos ≥ At.
func (l *Line) after(nanos int64) uint64 { return uint64(nanos) - uint64(l.At) }

// farLine and steepSlope bound the products that fit 62 bits: 73 minutes at up
// to 1048 ppm, which is nearly every Now there is.
const (
	farLine    = 1 << 42
	steepSlope = 1 << 20
)

// far reports whether the value at distance d needs the wide way.
func (l *Line) far(d uint64) bool {
	return d >= farLine || uint64(l.SlopePPB+steepSlope) >= 2*steepSlope
}

// down and up are Nanos + d + d·SlopePPB/1e9 for a d that is not far. The
// division rounds towards 0, so a product on the other side of it is moved first. What
// is added is never negative, so a sum below Nanos has wrapped.
func (l *Line) down(d uint64) int64 {
	product := int64(d) * l.SlopePPB
	product -= product >> 63 & (slopeUnit - 1) // if negative
	return l.Nanos + (int64(d) + product/slopeUnit)
}

func (l *Line) up(d uint64) int64 {
	product := int64(d) * l.SlopePPB
	product += ^product >> 63 & (slopeUnit - 1) // if not
	return l.Nanos + (int64(d) + product/slopeUnit)
}

// wide is the same with a 128-bit product, for any d and slope: 200 000 ppb
// overflow 64 bits after 13 hours. It is the judge of the short way.
func (l *Line) wide(d uint64, up bool) (int64, bool) {
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
