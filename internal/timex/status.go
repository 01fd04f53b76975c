package timex

import (
	"fmt"
	"strings"
)

// State is what the call returned: the kernel's view of leap seconds, or Error.
// Source: adjtimex(2).
type State int

// The states of the clock.
const (
	OK         State = iota
	LeapInsert       // a leap second is inserted at the end of the UTC day
	LeapDelete       // a second is deleted at the end of the UTC day
	LeapNow          // the inserted second is in progress
	LeapOver         // it is over, and whoever armed it has not disarmed it
	Error            // not synchronized
)

func (s State) String() string {
	names := []string{"ok", "leap second inserted today", "leap second deleted today", "leap second in progress", "leap second over", "unsynchronized"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("state %d", int(s))
	}
	return names[s]
}

// Status are the bits of the kernel's status word. Source: adjtimex(2).
type Status uint32

// The bits.
const (
	PLL            Status = 1 << iota // the kernel's own phase-locked loop is on
	PPSFrequency                      // a pulse per second steers the frequency
	PPSTime                           // a pulse per second steers the time
	FLL                               // the loop follows the frequency
	Insert                            // insert a leap second
	Delete                            // delete a leap second
	Unsynchronized                    // nobody keeps the clock
	HoldFrequency                     // the frequency is held
	PPSSignal                         // pulses come
	PPSJitter                         // and jitter too much
	PPSWander                         // and wander too much
	PPSError                          // and cannot be calibrated
	ClockError                        // the hardware failed
	Nanoseconds                       // offsets are counted in ns instead of µs
	Mode                              // the loop is frequency-locked now
	ClockB                            // clock source B
)

var bits = []string{
	"pll", "pps frequency", "pps time", "fll", "insert leap second", "delete leap second", "unsynchronized", "hold frequency",
	"pps signal", "pps jitter", "pps wander", "pps error", "clock error", "nanoseconds", "frequency-locked", "clock b",
}

// Has reports whether all of the bits are set.
func (s Status) Has(b Status) bool { return s&b == b }

// Words names the bits that are set, the lowest first.
func (s Status) Words() []string {
	words := []string{}
	for i, name := range bits {
		if s.Has(1 << i) {
			words = append(words, name)
		}
	}
	if rest := s >> len(bits); rest != 0 {
		words = append(words, fmt.Sprintf("%#x", uint32(rest<<len(bits))))
	}
	return words
}

// String lists the words.
func (s Status) String() string { return strings.Join(s.Words(), ", ") }
