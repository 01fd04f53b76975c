package truetime

import (
	"fmt"
	"math"
	"time"
)

// Interval is a closed range of moments, [Earliest, Latest], that contains the
// true time at the instant it was made for. It is a comparable value of 16
// bytes. Only NewInterval and the calls of this package make one, so it is
// never inverted.
//
// HAZARD: the zero Interval is the single moment 1970-01-01T00:00:00Z. Calls
// that fail return it; look at the error first.
type Interval struct {
	earliest, latest int64 // unix nanoseconds
}

// NewInterval returns the interval between two moments given as nanoseconds
// since 1970-01-01 UTC. It returns an [*IntervalError] if earliest is after
// latest or if they are more than 292 years (2^63 ns) apart.
func NewInterval(earliest, latest int64) (Interval, error) {
	if earliest > latest || uint64(latest)-uint64(earliest) > math.MaxInt64 {
		return Interval{}, &IntervalError{Earliest: earliest, Latest: latest}
	}
	return Interval{earliest, latest}, nil
}

// Earliest returns the first moment of the interval, in UTC.
func (i Interval) Earliest() time.Time { return time.Unix(0, i.earliest).UTC() }

// Latest returns the last moment of the interval, in UTC.
func (i Interval) Latest() time.Time { return time.Unix(0, i.latest).UTC() }

// EarliestUnixNano returns Earliest as nanoseconds since 1970-01-01 UTC.
func (i Interval) EarliestUnixNano() int64 { return i.earliest }

// LatestUnixNano returns Latest as nanoseconds since 1970-01-01 UTC.
func (i Interval) LatestUnixNano() int64 { return i.latest }

// Width returns Latest − Earliest.
func (i Interval) Width() time.Duration { return time.Duration(i.latest - i.earliest) }

// Uncertainty returns ε, half of the width, rounded up.
func (i Interval) Uncertainty() time.Duration {
	w := i.Width()
	return w/2 + w%2
}

// Midpoint returns the middle of the interval, rounded down, as nanoseconds
// since 1970-01-01 UTC.
//
// HAZARD: it is for display, and for estimates that somebody else bounds. Two
// midpoints say nothing about the order of two events.
func (i Interval) Midpoint() int64 { return i.earliest + (i.latest-i.earliest)/2 }

// Contains reports whether t lies in the interval; both ends belong to it.
func (i Interval) Contains(t time.Time) bool {
	return !t.Before(i.Earliest()) && !t.After(i.Latest())
}

// Before reports whether i certainly precedes other: its latest moment is
// strictly before other's earliest.
func (i Interval) Before(other Interval) bool { return i.latest < other.earliest }

// After reports whether i certainly follows other.
func (i Interval) After(other Interval) bool { return other.Before(i) }

// Overlaps reports whether the two intervals share a moment. If they do, the
// order of their true times is unknown.
func (i Interval) Overlaps(other Interval) bool { return !i.Before(other) && !other.Before(i) }

// String shows both ends and the half width: "[2026-11-23T07:36:45.353951498Z,
// 2026-11-23T07:36:45.354073906Z] ±61.204µs".
func (i Interval) String() string {
	const layout = "2006-01-02T15:04:05.000000000Z07:00"
	return fmt.Sprintf("[%s, %s] ±%v", i.Earliest().Format(layout), i.Latest().Format(layout), i.Uncertainty())
}
