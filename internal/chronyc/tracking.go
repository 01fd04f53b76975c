package chronyc

import (
	"fmt"
	"math"
	"time"

	"github.com/facebook/time/ntp/chrony"
)

// State says what the daemon's clock rests on.
type State string

// The states of a daemon.
const (
	Synchronized   State = "synchronized"
	Unsynchronized State = "unsynchronized" // it has no source that it believes
	Local          State = "local"          // it serves its own clock as if it were a reference, by the directive "local"
)

// Tracking is what the daemon believes of the wall clock.
type Tracking struct {
	State       State
	Reference   string // who it follows: an address, or the name of a reference clock; "" without one
	ReferenceID uint32
	Stratum     uint16
	Leap        string // none, insert, delete, unsynchronized

	// Offset is true time − wall clock, as the daemon estimates it: what it has still to slew,
	// or, with -x, what it would. Positive: the wall clock is slow.
	Offset                    time.Duration
	RootDelay, RootDispersion time.Duration // rounded up; they mean nothing unless synchronized
	LastOffset, RMSOffset     time.Duration // at its last update, and on average
	// Frequency is how much slower than true time the wall clock would run without the daemon,
	// as a ratio: positive is slow. Skew is how far it believes that to be wrong at most.
	Frequency, Skew float64

	updated   time.Time
	precision time.Duration // of Offset, as the protocol carries it
}

// Updated returns when the daemon last corrected its clock, by that clock; false if it never did.
func (t Tracking) Updated() (time.Time, bool) {
	return t.updated.UTC(), t.updated.Unix() > 0 && t.updated.Year() < 2262
}

// Distance is how far true time is from wall clock + Offset at most, by the daemon's account: half
// the root delay and the root dispersion, and what the protocol rounds. It is its claim to
// whoever asks it for the time.
func (t Tracking) Distance() time.Duration {
	return (t.RootDelay+1)/2 + t.RootDispersion + t.precision
}

// ErrorBound is the daemon's own bound of the error of the wall clock: |offset| + root delay/2 +
// root dispersion. Source: chronyc(1), tracking.
func (t Tracking) ErrorBound() time.Duration { return t.Offset.Abs() + t.Distance() }

// localReference is the reference id of a daemon that serves its own clock. Source: chrony,
// reference.h, NTP_REFID_LOCAL.
const localReference = 0x7f7f0101

func newTracking(r chrony.Tracking) (Tracking, error) {
	t := Tracking{
		State: Synchronized, ReferenceID: r.RefID, Stratum: r.Stratum, updated: r.RefTime,
		Frequency: -r.FreqPPM / 1e6, Skew: r.SkewPPM / 1e6,
	}
	if r.LeapStatus > 3 {
		return Tracking{}, &MalformedError{fmt.Sprintf("leap status %d", r.LeapStatus)}
	}
	t.Leap = []string{"none", "insert", "delete", "unsynchronized"}[r.LeapStatus]
	switch {
	case r.LeapStatus == 3 || r.Stratum == 0 || r.Stratum > 15:
		t.State = Unsynchronized
	case r.RefID == localReference:
		t.State = Local
	case r.IPAddr != nil:
		t.Reference = r.IPAddr.String()
	default:
		t.Reference = printable(chrony.RefidToString(r.RefID))
	}
	for _, field := range []struct {
		name    string
		seconds float64
		to      *time.Duration
		least   float64
	}{
		{"correction", r.CurrentCorrection, &t.Offset, -longest}, {"last offset", r.LastOffset, &t.LastOffset, -longest},
		{"RMS offset", r.RMSOffset, &t.RMSOffset, 0}, {"root delay", r.RootDelay, &t.RootDelay, 0}, {"root dispersion", r.RootDispersion, &t.RootDispersion, 0},
	} {
		if !(field.seconds >= field.least && field.seconds <= longest) {
			return Tracking{}, &MalformedError{fmt.Sprintf("a %s of %g s", field.name, field.seconds)}
		}
		*field.to = seconds(field.seconds)
	}
	if !(math.Abs(r.FreqPPM) <= fastest && r.SkewPPM >= 0 && r.SkewPPM <= fastest) {
		return Tracking{}, &MalformedError{fmt.Sprintf("a frequency of %g ± %g ppm", r.FreqPPM, r.SkewPPM)}
	}
	t.RootDelay += step(r.RootDelay)
	t.RootDispersion += step(r.RootDispersion)
	t.precision = step(r.CurrentCorrection)
	return t, nil
}

// MalformedError is a reply that makes no sense.
type MalformedError struct{ Detail string }

func (e *MalformedError) Error() string { return "chronyc: chronyd's reply is malformed: " + e.Detail }

// longest is the largest number of seconds that is believed, 63 years: a clock that lost its
// battery is 56 years behind.
const longest = 2e9

// fastest is the largest rate that is believed, in ppm: a clock that stands still, or runs twice as fast.
const fastest = 1e6

func seconds(s float64) time.Duration { return time.Duration(math.Round(s * 1e9)) }

// step is how far the protocol's number may be from the daemon's: it has 24 bits, of which the
// last is rounded; and our rounding to a nanosecond.
func step(s float64) time.Duration { return time.Duration(math.Ceil(math.Abs(s)*1e9/(1<<23))) + 1 }
