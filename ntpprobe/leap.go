package ntpprobe

import (
	"math"
	"slices"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// LeapPolicy says what is published around a leap second that is announced: from
// where a bound could reach it until enough servers were heard after it.
type LeapPolicy int

const (
	// LeapWiden moves both ends of each bound outward by 1 s.
	LeapWiden LeapPolicy = iota
	// LeapRefuse publishes none; the error matches [truetime.ErrLeap].
	LeapRefuse
)

const (
	leapSecond = int64(time.Second)

	// leapSettle is how late after the leap second a server may make its step. chronyd
	// without the kernel's help slews it away, which takes 12 s at its fastest rate of 1/12.
	leapSettle = int64(30 * time.Second)
)

// PendingLeap is a leap second that more failure domains announce than may lie.
type PendingLeap struct {
	Kind Leap      // LeapInsert or LeapDelete; LeapNone if none is pending
	At   time.Time // the first second after it: the beginning of a UTC month
}

// A leap second is the last second of a UTC month (ITU-R TF.460), and the indicator is
// about the month in which it is sent (RFC 5905 §7.3). Older servers mean the day and set it on the last
// one only, which comes to the same; an indicator in the middle of a month never means
// the middle of a month.

// monthEnd is the beginning of the next UTC month.
func monthEnd(nanos int64) int64 {
	t := time.Unix(0, nanos).UTC()
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
}

func monthStart(nanos int64) int64 {
	t := time.Unix(0, nanos).UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC).UnixNano()
}

// announces returns the leap second that a server speaks of, by its own time, or
// LeapNone. On a smeared scale there is none.
func (s Sample) announces() (Leap, int64) {
	if s.Server.Smear != "" || s.Header.Leap != LeapInsert && s.Header.Leap != LeapDelete {
		return LeapNone, 0
	}
	return s.Header.Leap, monthEnd(s.T3)
}

// side is where a sample lies with respect to a leap second.
type side int

const (
	beforeLeap side = iota
	duringLeap      // perhaps stepped, perhaps not
	afterLeap
)

// side judges by the server's own stamps, since its own clock tells it when to step, with
// room for its error on either side. A second is deleted one before the instant.
func (s Sample) side(instant int64) side {
	e := int64(s.RootDistance())
	switch {
	case s.T3+e < instant-leapSecond:
		return beforeLeap
	case s.T2-e >= instant+leapSettle:
		return afterLeap
	}
	return duringLeap
}

// leapDue is the reading before which the leap second that the sample announces
// cannot have begun, if its server is honest.
func (s Sample) leapDue(instant, driftPPB int64) int64 {
	left := instant - leapSecond - s.T3 - int64(s.RootDistance())
	return s.T4.Nanos + shrink(left, driftPPB)
}

// shrink is at least how long the local clock runs while true time runs d.
func shrink(d, driftPPB int64) int64 {
	return d - int64(math.Ceil(math.Abs(float64(d))*float64(driftPPB)/rateUnit)) - 1
}

// announced counts the voices of the domains, one sample of each. If more than f speak
// of a leap second at one instant, one of them is honest; which kind it is is then
// what most say. f liars alone never make one.
func announced(voices []Sample, f int) (Leap, int64) {
	votes := map[int64][4]int{}
	for _, s := range voices {
		if kind, instant := s.announces(); kind != LeapNone {
			v := votes[instant]
			v[kind]++
			votes[instant] = v
		}
	}
	var instants []int64
	for instant, v := range votes {
		if v[LeapInsert]+v[LeapDelete] > f {
			instants = append(instants, instant)
		}
	}
	if len(instants) == 0 {
		return LeapNone, 0
	}
	first := slices.Min(instants) // more than one means that too many lie
	if v := votes[first]; v[LeapDelete] > v[LeapInsert] {
		return LeapDelete, first
	}
	return LeapInsert, first
}

// reaches reports whether a bound could be asked for a time at which the step may
// have been made.
func reaches(b truetime.Bound, instant int64) bool {
	latest, ok := b.Latest.Ceil(b.Expires)
	return !ok || latest >= instant-leapSecond
}

// widened contains the true time whether a second was inserted, deleted, or not yet.
func widened(b truetime.Bound) truetime.Bound {
	b.Earliest.Nanos -= leapSecond
	b.Latest.Nanos += leapSecond
	return b
}
