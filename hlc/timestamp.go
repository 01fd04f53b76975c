package hlc

import (
	"cmp"
	"math"
	"time"
)

// Timestamp is a hybrid timestamp: 96 bits, comparable with ==, ordered by
// WallTime and then Logical. The zero Timestamp means unset and is below every one that
// a Clock issues.
type Timestamp struct {
	WallTime int64  // nanoseconds since 1970-01-01 UTC
	Logical  uint32 // counts events that share WallTime
}

// IsZero reports whether t is unset.
func (t Timestamp) IsZero() bool { return t == Timestamp{} }

// Compare returns −1 if t is before other, 0 if they are equal, +1 if after.
func (t Timestamp) Compare(other Timestamp) int {
	if c := cmp.Compare(t.WallTime, other.WallTime); c != 0 {
		return c
	}
	return cmp.Compare(t.Logical, other.Logical)
}

// Before reports whether t is lower than other.
func (t Timestamp) Before(other Timestamp) bool { return t.Compare(other) < 0 }

// After reports whether t is higher than other.
func (t Timestamp) After(other Timestamp) bool { return t.Compare(other) > 0 }

// Next returns the lowest timestamp above t: one logical tick, carried into the
// wall time when Logical is full. It returns [ErrExhausted] at the end of the
// range.
func (t Timestamp) Next() (Timestamp, error) {
	switch {
	case t.Logical < math.MaxUint32:
		return Timestamp{t.WallTime, t.Logical + 1}, nil
	case t.WallTime < math.MaxInt64:
		return Timestamp{t.WallTime + 1, 0}, nil
	}
	return Timestamp{}, ErrExhausted
}

// Time returns the wall part in UTC.
//
// HAZARD: it is close to the time of the event only as far as the clocks are.
func (t Timestamp) Time() time.Time { return time.Unix(0, t.WallTime).UTC() }
