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
	switch {
	case l.nanos == 0:
		return 0, l.refuse(t, "the layout is unset")
	case t.WallTime < l.epoch:
		return 0, l.refuse(t, "it is before the layout's epoch")
	}
	since := uint64(t.WallTime) - uint64(l.epoch)
	tick, logical := l.tickNotBefore(since), t.Logical
	switch {
	case tick > l.last:
		return 0, l.refuse(t, "it is after the layout's end")
	case l.since(tick) > since:
		logical = 0
	case logical > l.MaxLogical():
		tick, logical = tick+1, 0
	}
	if tick > l.last {
		return 0, l.refuse(t, "it is after the layout's end")
	}
	return tick<<l.logicalBits | uint64(logical), nil
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
	packed, err := l.Pack(t)
	if err != nil {
		return Timestamp{}, err
	}
	return l.Unpack(packed)
}

// Fits reports whether t packs without a loss.
func (l Layout) Fits(t Timestamp) bool {
	rounded, err := l.Round(t)
	return err == nil && rounded == t
}

func (l Layout) refuse(t Timestamp, problem string) error {
	return &RangeError{Timestamp: t, Form: l.String(), Problem: problem}
}

// since returns the first whole nanosecond at or after the beginning of a tick,
// ⌈tick · nanos / ticks⌉ after the epoch. tick is at most last, so that it fits.
func (l Layout) since(tick uint64) uint64 {
	hi, lo := bits.Mul64(tick, l.nanos)
	quotient, remainder := bits.Div64(hi, lo, l.ticks)
	if remainder > 0 {
		quotient++
	}
	return quotient
}

// tickNotBefore returns the first tick whose since is at least ns: the lowest k with
// k · nanos > (ns − 1) · ticks. It fits, since ticks ≤ nanos.
func (l Layout) tickNotBefore(ns uint64) uint64 {
	if ns == 0 {
		return 0
	}
	hi, lo := bits.Mul64(ns-1, l.ticks)
	tick, _ := bits.Div64(hi, lo, l.nanos)
	return tick + 1
}

// wallOf is the wall time of a tick that is at most last.
func (l Layout) wallOf(tick uint64) int64 {
	if l.nanos == 0 {
		return 0
	}
	return int64(uint64(l.epoch) + l.since(tick))
}
