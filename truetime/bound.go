package truetime

import (
	"errors"
	"fmt"
)

// Bound encloses true time between two straight lines over the readings of the
// local clock, from At until Expires:
//
//	Earliest(r) ≤ true time at reading r ≤ Latest(r)    for At ≤ r ≤ Expires
//
// The slopes are claims of their own: from At on, true time gains at most Latest.SlopePPB and
// at least Earliest.SlopePPB on the local clock, whatever the two limits are. The zero
// Bound is not valid.
type Bound struct {
	// At is the reading at which the bound was made. It has no slack.
	At Reading
	// Earliest and Latest are the two limits; neither is anchored after At.
	Earliest, Latest Line
	// Expires is the last reading, in nanoseconds of At's epoch, for which the
	// bound may be used. It counts from the measurement, not from publication.
	Expires int64
	// Generation rises, by NewGeneration, whenever an assumption was disproved
	// and the past was forgotten, and around a leap second. Within one generation Earliest never goes back.
	Generation uint64
	// Basis says what the bound rests on, for display.
	Basis Basis
}

// Interval returns the interval that contains true time at the reading r, each
// end rounded outward to a nanosecond and r's slack included. r must certainly
// be from At to Expires, whatever its slack hides.
//
// It returns a [*BoundError] for an invalid bound, a [*DisruptedError] for a
// reading of another epoch, [ErrReadingBeforeBound], [ErrStale] after Expires,
// [ErrOutOfRange] or an [*IntervalError] when the result cannot be held.
func (b Bound) Interval(r Reading) (Interval, error) {
	if err := b.Validate(); err != nil {
		return Interval{}, err
	}
	if r.Epoch == b.At.Epoch && r.Early().Nanos < b.At.Nanos {
		return Interval{}, ErrReadingBeforeBound
	}
	return b.intervalAfter(r)
}

// intervalAfter is Interval for a bound known to be valid and a reading known to
// be taken after the bound was made: the path of every Now, which loads the bound first and
// reads the clock afterwards. The strict clock then stood at At or later, so the
// part of the slack that lies before At is cut off; the lines say nothing there.
func (b *Bound) intervalAfter(r Reading) (Interval, error) {
	early, late := r.Early().Nanos, r.Late().Nanos
	switch {
	case r.Epoch != b.At.Epoch:
		return Interval{}, &DisruptedError{Cause: fmt.Sprintf("the bound belongs to epoch %d, the reading to epoch %d", b.At.Epoch, r.Epoch)}
	case late < b.At.Nanos:
		return Interval{}, ErrReadingBeforeBound
	case late > b.Expires:
		return Interval{}, ErrStale
	}
	earliest, latest, ok := enclose(&b.Earliest, &b.Latest, max(early, b.At.Nanos), late)
	if !ok {
		return Interval{}, ErrOutOfRange
	}
	return NewInterval(earliest, latest)
}

// Validate returns a [*BoundError] if the bound contradicts itself: zero, an
// inverted interval at At, lines that would cross later, an anchor after At, a
// slope of 100 % or more, an expiry before At, an At with slack.
func (b Bound) Validate() error {
	switch {
	case b.At.Epoch == 0:
		return &BoundError{"it has no epoch (a zero Bound?)"}
	case b.At.Slack != 0:
		return &BoundError{"it was made with a reading that has slack; make bounds with the strict clock"}
	case b.Earliest.At > b.At.Nanos || b.Latest.At > b.At.Nanos:
		return &BoundError{"a line is anchored after the bound was made"}
	case !validSlope(b.Earliest.SlopePPB) || !validSlope(b.Latest.SlopePPB):
		return &BoundError{"a slope is 100 % or more"}
	case b.Earliest.SlopePPB > b.Latest.SlopePPB:
		return &BoundError{"earliest runs faster than latest, so they would cross"}
	case b.Expires < b.At.Nanos:
		return &BoundError{"it expires before it was made"}
	}
	if _, err := b.intervalAfter(b.At); err != nil {
		return &BoundError{err.Error()}
	}
	return nil
}

func validSlope(ppb int64) bool { return -slopeUnit < ppb && ppb < slopeUnit }

// errConflict: two bounds of one generation exclude each other, so one of them
// was false when it was published.
var errConflict = errors.New("truetime: the new bound and the one before exclude each other")

// Intersect returns b with each side moved to where prev's is if that is at least
// as tight at b.At: what was true stays true. Hence, within a generation, Earliest
// never goes back and a new bound never widens at its own reading. The slopes stay
// those of b: prev's hold for the stretch that prev was made for, and not for ever
// (docs/adr/0007). With equal slopes a side keeps its anchor, so carrying adds no rounding
// (docs/adr/0002).
//
// If prev is of another epoch or generation, or has expired, it says nothing and b is returned.
// A [*DisruptedError] says that the two exclude each other.
func (b Bound) Intersect(prev Bound) (Bound, error) {
	if prev.At.Epoch != b.At.Epoch || prev.Generation != b.Generation || prev.At.Nanos > b.At.Nanos || b.At.Nanos > prev.Expires {
		return b, nil
	}
	before, ok1 := prev.Earliest.Floor(b.At.Nanos)
	after, ok2 := prev.Latest.Ceil(b.At.Nanos)
	now, err := b.intervalAfter(b.At)
	if err != nil || !ok1 || !ok2 {
		return b, err
	}
	if max(before, now.earliest) > min(after, now.latest) {
		return Bound{}, &DisruptedError{Cause: "the new bound and the one before exclude each other, so an assumption does not hold", Err: errConflict}
	}
	if before >= now.earliest {
		b.Earliest = prev.Earliest.bend(b.At.Nanos, before, b.Earliest.SlopePPB)
		b.Basis.Earliest = prev.Basis.Earliest.carry(prev, b.At.Nanos)
	}
	if after <= now.latest {
		b.Latest = prev.Latest.bend(b.At.Nanos, after, b.Latest.SlopePPB)
		b.Basis.Latest = prev.Basis.Latest.carry(prev, b.At.Nanos)
	}
	b.settle()
	return b, nil
}
