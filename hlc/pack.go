package hlc

import (
	"math/bits"
	"strconv"
)

// Pack returns the lowest packed value that is not below t: what lies between two
// ticks, and a logical part too large for its bits, go up to the next tick with the logical
// part 0. So order is kept, though distinct timestamps may become equal unless they
// Fit. It returns a [*RangeError] before the epoch and after Max; it never wraps.
//
// HAZARD: rounded up, a timestamp may lie up to a tick (TiKV: 1 ms) above the clock's. A
// clock that is to issue what a store can keep must issue what Round gives.
func (l Layout) Pack(t Timestamp) (uint64, error) {
	tick, rounded, err := l.place(t)
	if err != nil {
		return 0, err
	}
	return tick<<l.logicalBits | uint64(rounded.Logical), nil
}

// place returns the lowest timestamp that is not below t and packs without a loss,
// and its tick. (Pointers below here: copying a Layout costs more than the arithmetic.)
func (l *Layout) place(t Timestamp) (tick uint64, rounded Timestamp, err error) {
	switch {
	case l.nanos == 0:
		return 0, Timestamp{}, l.refuse(t, "the layout is unset")
	case t.WallTime < l.epoch:
		return 0, Timestamp{}, l.refuse(t, "it is before the layout's epoch")
	}
	tick = l.tickNotBefore(uint64(t.WallTime) - uint64(l.epoch))
	if tick <= l.last {
		if rounded.WallTime = l.wallOf(tick); rounded.WallTime > t.WallTime {
			return tick, rounded, nil
		}
		if t.Logical <= l.MaxLogical() {
			return tick, t, nil
		}
		if tick++; tick <= l.last {
			return tick, Timestamp{WallTime: l.wallOf(tick)}, nil
		}
	}
	return 0, Timestamp{}, l.refuse(t, "it is after the layout's end")
}

// Unpack returns the timestamp of a packed value; Pack gives the value back. It
// returns a [*ParseError] for one after 2262.
func (l Layout) Unpack(packed uint64) (Timestamp, error) {
	problem := ""
	tick := packed >> l.logicalBits
	switch {
	case l.nanos == 0:
		problem = "the layout is unset"
	case tick > l.last:
		problem = "beyond 64 bits of nanoseconds"
	default:
		return Timestamp{WallTime: l.wallOf(tick), Logical: uint32(packed) & l.MaxLogical()}, nil
	}
	return Timestamp{}, fail(l.String(), strconv.FormatUint(packed, 10), flaw{0, problem})
}

// Round returns the lowest timestamp that is not below t and packs without a loss: what
// Unpack makes of Pack. Errors as in Pack. Round(t.Next()) is the lowest above
// a t that Fits, so that a sequence made of it stays distinct in a store of packed values.
func (l Layout) Round(t Timestamp) (Timestamp, error) {
	_, rounded, err := l.place(t)
	return rounded, err
}

// Fits reports whether t packs without a loss.
func (l Layout) Fits(t Timestamp) bool {
	rounded, err := l.Round(t)
	return err == nil && rounded == t
}

func (l *Layout) refuse(t Timestamp, problem string) error {
	return &RangeError{Timestamp: t, Form: l.String(), Problem: problem}
}

// since returns the first whole nanosecond at or after the beginning of a tick,
// ⌈tick · nanos / ticks⌉ after the epoch. tick is at most last, so that it fits.
func (l *Layout) since(tick uint64) uint64 {
	quotient, remainder := mulDiv(tick, l.nanos, l.ticks)
	if remainder > 0 {
		quotient++
	}
	return quotient
}

// tickNotBefore returns the first tick whose since is at least ns: the lowest k with
// k · nanos > (ns − 1) · ticks. It fits, since ticks ≤ nanos.
func (l *Layout) tickNotBefore(ns uint64) uint64 {
	if ns == 0 {
		return 0
	}
	tick, _ := mulDiv(ns-1, l.ticks, l.nanos)
	return tick + 1
}

// mulDiv returns a · b / c, which must fit into 64 bits, and the remainder.
func mulDiv(a, b, c uint64) (quotient, remainder uint64) {
	hi, lo := bits.Mul64(a, b)
	switch {
	case hi == 0 && c == 1:
		return lo, 0 // the usual way back to nanoseconds
	case hi == 0:
		return lo / c, lo % c
	}
	return bits.Div64(hi, lo, c)
}

// wallOf is the wall time of a tick that is at most last.
func (l *Layout) wallOf(tick uint64) int64 {
	if l.nanos == 0 {
		return 0
	}
	return int64(uint64(l.epoch) + l.since(tick))
}

// tickAt is the wall time of the last tick that has begun at ns, which is between
// the epoch and the layout's end.
func (l *Layout) tickAt(ns int64) int64 {
	return l.wallOf(l.tickNotBefore(uint64(ns)-uint64(l.epoch)+1) - 1)
}
