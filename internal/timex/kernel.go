package timex

import (
	"errors"
	"math"
	"time"
)

// ErrUnsupported: this system does not say what its clock does.
var ErrUnsupported = errors.New("timex: this system does not say whether its clock is kept")

// MaxError is where the kernel stops counting: from 16 s on its clock is
// unsynchronized. Source: Linux, include/linux/timex.h, NTP_PHASE_LIMIT.
const MaxError = 16 * time.Second

// Kernel is what the kernel says of the wall clock, at one moment.
type Kernel struct {
	State  State
	Status Status

	// Offset is what the kernel's own loop has still to add to the clock; negative: to
	// take away. It is 0 under chronyd, which slews by the frequency and the tick.
	Offset time.Duration
	// MaxError is the largest error that whoever keeps the clock wrote there, grown
	// by 500 ppm since. EstimatedError is what it believes.
	MaxError, EstimatedError time.Duration

	// Frequency is the correction of the clock's rate, as a ratio; positive: it is made
	// to run faster. TickRatio is the same of the length of a tick, which is how large
	// slews are made. CLOCK_MONOTONIC follows both, CLOCK_MONOTONIC_RAW neither.
	Frequency, TickRatio float64

	TimeConstant int64         // of the loop: the larger, the slower
	Precision    time.Duration // 1 µs always
	TAI          int           // TAI − UTC in seconds; 0: nobody told the kernel
	Wall         time.Time     // the wall clock at that moment
}

// Synchronized reports whether somebody keeps the clock, by the kernel's account. In
// most containers and virtual machines nobody tells the kernel, however good the clock.
func (k Kernel) Synchronized() bool {
	return k.State != Error && !k.Status.Has(Unsynchronized)
}

// Rate is by how much the clock is made to run faster than the hardware beneath it, as a
// ratio, without what the loop adds for Offset.
func (k Kernel) Rate() float64 { return (1+k.Frequency)*(1+k.TickRatio) - 1 }

// raw has the kernel's numbers in the kernel's units.
type raw struct {
	state                      int
	status                     int32
	offset, maxError, estError int64 // offset in ns or µs, the others in µs
	frequency                  int64 // ppm in 16.16
	tick                       int64 // µs for each 1/100 s
	constant, precision        int64
	tai                        int32
	seconds, fraction          int64 // fraction in ns or µs
}

// nominalTick is a tick of 1/USER_HZ, in µs. Source: Linux, USER_TICK_USEC.
const nominalTick = 10_000

// kernel converts the units. Durations beyond what can be represented stop at its end.
func (r raw) kernel() Kernel {
	status := Status(r.status)
	unit := int64(time.Microsecond)
	if status.Has(Nanoseconds) {
		unit = 1
	}
	return Kernel{
		State: State(r.state), Status: status,
		Offset: times(r.offset, unit), MaxError: times(r.maxError, 1000), EstimatedError: times(r.estError, 1000),
		Frequency: float64(r.frequency) / 65536 / 1e6, TickRatio: float64(r.tick-nominalTick) / nominalTick,
		TimeConstant: r.constant, Precision: times(r.precision, 1000), TAI: int(r.tai),
		Wall: time.Unix(r.seconds, r.fraction*unit).UTC(),
	}
}

func times(n, unit int64) time.Duration {
	switch {
	case n > math.MaxInt64/unit:
		return math.MaxInt64
	case n < math.MinInt64/unit:
		return math.MinInt64
	}
	return time.Duration(n * unit)
}
