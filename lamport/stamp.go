package lamport

import (
	"cmp"
	"fmt"
)

// Stamp is an event's number together with the process it happened in. Stamps
// are totally ordered; the order extends the causal one.
type Stamp struct {
	Time    uint64
	Process string // unique among the processes
}

// Compare returns −1 if s is before other, 0 if they are equal, +1 if after.
func (s Stamp) Compare(other Stamp) int {
	if c := cmp.Compare(s.Time, other.Time); c != 0 {
		return c
	}
	return cmp.Compare(s.Process, other.Process)
}

// Before reports whether s is lower than other.
func (s Stamp) Before(other Stamp) bool { return s.Compare(other) < 0 }

// String shows "17@node-a".
func (s Stamp) String() string { return fmt.Sprintf("%d@%s", s.Time, s.Process) }
