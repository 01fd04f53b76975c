package clocks

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var ids = [...]int32{
	Realtime: unix.CLOCK_REALTIME, Monotonic: unix.CLOCK_MONOTONIC, Raw: unix.CLOCK_MONOTONIC_RAW, Boottime: unix.CLOCK_BOOTTIME, TAI: unix.CLOCK_TAI,
}

// Missing are the clocks that this system does not have: none.
func Missing() []Clock { return nil }

// Read takes the narrowest of a few sandwiches. It makes 64 system calls, some 20 µs, and
// returns an error if the kernel refuses one of the clocks.
func Read() (Sandwich, error) { return narrowest(gettime) }

// Glance takes one sandwich. It costs an eighth of [Read] and may be wide or torn, which a [Judge]
// does not mind: for whoever looks for ever and wants to cost nothing.
func Glance() (Sandwich, error) { return take(gettime) }

func gettime(c Clock) (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(ids[c], &ts); err != nil {
		return 0, err
	}
	return ts.Nano(), nil
}

// Source returns the name of the hardware that the clocks count, such as "tsc", or "" where the
// kernel does not say. Source: Linux, kernel/time/clocksource.c.
func Source() string {
	name, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}
