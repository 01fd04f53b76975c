//go:build !linux

package clocks

import "time"

// Missing are the clocks that cannot be read on this system: only the wall clock and the Go
// runtime's monotonic clock can. So nothing tells a suspend from a step here, nor shows a slew.
func Missing() []Clock { return []Clock{Raw, Boottime, TAI} }

var anchor = time.Now()

// Read takes the narrowest of a few sandwiches, in which the runtime's monotonic clock stands
// for RAW, BOOTTIME and MONOTONIC, and the wall clock for TAI.
func Read() (Sandwich, error) {
	s, err := narrowest(gettime)
	s.Alone = true
	return s, err
}

func gettime(c Clock) (int64, error) {
	if c == Realtime || c == TAI {
		return time.Now().UnixNano(), nil
	}
	return int64(time.Since(anchor)), nil
}

// Source returns "": what the clocks count is not known.
func Source() string { return "" }
