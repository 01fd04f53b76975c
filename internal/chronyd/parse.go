package chronyd

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Tracking is what a client believes, by `chronyc tracking`.
type Tracking struct {
	Synchronized bool
	// Correction is the error of the system clock that it has estimated, without the sign:
	// with -x it corrects its own view and leaves the clock as it is.
	Correction                time.Duration
	RootDelay, RootDispersion time.Duration
}

// Distance is how far true time may be from the corrected clock, by chronyd's account.
func (t Tracking) Distance() time.Duration { return t.RootDispersion + t.RootDelay/2 }

// parseTracking reads the line of `chronyc -c tracking`, whose columns are in the order of
// the report in chronyc(1).
func parseTracking(line string) (Tracking, error) {
	columns := strings.Split(strings.TrimSpace(line), ",")
	if len(columns) < 14 {
		return Tracking{}, fmt.Errorf("chronyc tracking has %d columns, 14 or more expected: %q", len(columns), line)
	}
	correction, err1 := seconds(columns[4])
	delay, err2 := seconds(columns[10])
	dispersion, err3 := seconds(columns[11])
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return Tracking{}, fmt.Errorf("chronyc tracking: %w: %q", err, line)
		}
	}
	synchronized := columns[13] != "Not synchronised" && columns[2] != "0"
	return Tracking{Synchronized: synchronized, Correction: correction.Abs(), RootDelay: delay, RootDispersion: dispersion}, nil
}

// Measurement is what a client noted about one reply.
type Measurement struct {
	Server netip.Addr
	// Delay is the time that the packets travelled by the client's own stamps, kernel stamps
	// where it had them. The log has four digits of it: this is the largest it can have been.
	Delay time.Duration
	// Used is false if the daemon found the reply invalid or unfit.
	Used bool
}

// parseMeasurement reads a line of measurements.log, see chrony.conf(5).
func parseMeasurement(line string) (Measurement, error) {
	columns := strings.Fields(line)
	if len(columns) < 17 {
		return Measurement{}, fmt.Errorf("measurements.log: %d columns, 17 or more expected: %q", len(columns), line)
	}
	server, err := netip.ParseAddr(columns[2])
	if err != nil {
		return Measurement{}, fmt.Errorf("measurements.log: %w: %q", err, line)
	}
	delay, err := atMost(columns[12])
	if err != nil {
		return Measurement{}, fmt.Errorf("measurements.log: %w: %q", err, line)
	}
	tests := columns[5] + columns[6] + columns[7]
	return Measurement{Server: server, Delay: delay, Used: !strings.Contains(tests, "0")}, nil
}

// seconds converts decimal seconds, rounded to a nanosecond.
func seconds(text string) (time.Duration, error) {
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(math.Abs(s) < 1e9) {
		return 0, fmt.Errorf("%q is not a number of seconds", text)
	}
	return time.Duration(math.Round(s * 1e9)), nil
}

// atMost returns the largest duration that is printed like this, d.ddde±dd seconds.
func atMost(text string) (time.Duration, error) {
	value, err := strconv.ParseFloat(text, 64)
	_, exponent, found := strings.Cut(text, "e")
	power, err2 := strconv.Atoi(exponent)
	if err != nil || err2 != nil || !found || !(math.Abs(value) < 1e9) {
		return 0, fmt.Errorf("%q is not a number of seconds", text)
	}
	return time.Duration(math.Ceil((value + 0.0005*math.Pow10(power)) * 1e9)), nil
}
