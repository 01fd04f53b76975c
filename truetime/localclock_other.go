//go:build !linux

package truetime

// DefaultDriftPPB is the drift D, in parts per billion, by which the clock of
// [NewLocalClock] is assumed to run wrong at most: 500 ppm, because on this
// system the runtime's monotonic clock may be slewed by the operating system.
const DefaultDriftPPB = 500_000

// NewLocalClock returns the local clock of this system, the portable one: see
// [NewPortableClock] for what it cannot see. The error is always nil here.
func NewLocalClock() (LocalClock, error) { return NewPortableClock(), nil }
