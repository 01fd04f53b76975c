//go:build !linux

package clocks

import (
	"runtime"
	"time"
)

// Missing are the clocks that cannot be read on this system: only the wall clock and the Go
// runtime's monotonic clock can. So nothing tells a suspend from a step here, nor shows a slew.
func Missing() []Clock { return []Clock{Raw, Boottime, TAI} }

var anchor = time.Now()

// Read takes the narrowest of a few sandwiches, in which the runtime's monotonic clock stands
// for RAW, BOOTTIME and MONOTONIC, and the wall clock for TAI.
func Read() (Sandwich, error) { return alone(narrowest(gettime)) }

// Glance takes one sandwich, which may be wide or torn: see [Judge].
func Glance() (Sandwich, error) { return alone(take(gettime)) }

func gettime(c Clock) (int64, error) {
	if c == Realtime || c == TAI {
		return time.Now().UnixNano(), nil
	}
	return int64(time.Since(anchor)), nil
}

func alone(s Sandwich, err error) (Sandwich, error) {
	s.Alone, s.Tick = true, tick()
	return s, err
}

// tick is how coarse the runtime's clocks are: on Windows both move with an interrupt, 64 times a
// second if nobody asks for more; elsewhere the wall clock has microseconds. Source: Go, runtime,
// time_windows.h and sys_darwin.go.
func tick() int64 {
	if runtime.GOOS == "windows" {
		return int64(16 * time.Millisecond)
	}
	return int64(time.Microsecond)
}

// Source returns "": what the clocks count is not known.
func Source() string { return "" }
