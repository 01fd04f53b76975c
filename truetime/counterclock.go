package truetime

import "time"

// DefaultCounterPeriod is how long a [CounterClock] counts on from one strict
// reading.
const DefaultCounterPeriod = time.Millisecond

// CounterClock follows a strict clock for two thirds of what time.Now costs: it reads the
// strict clock once per period and counts on with the CPU's own counter, the one
// that the kernel itself takes its time from (TSC on amd64, the generic timer on
// arm64). Slack is the width of the last look at the strict clock, about 0.5 µs, and up to 20 ppm
// of the time since.
//
// How fast the counter runs against the strict clock is measured anew in every
// epoch, by two looks so far apart that their widths leave no more than 20 ppm
// open, some 0.1 s. Until then each read is strict. Later looks must agree with what was
// measured; if one does not, the counter is measured again from there.
//
// HAZARD: what the strict clock would see at once, this one sees at the first
// read after the period is over, as the counter counts it: so at once after a
// suspend or a pause in which the counter ran on or began at 0, and after a period if it
// was put back to where it stood. Meanwhile the intervals served are late by the
// length of the gap. docs/local-clocks.md has the whole list.
type CounterClock struct {
	extension
	measured calibration
}

// NewCounterClock returns a clock that follows strict, which must come from
// [NewLocalClock], and reads it at least once per period of use. A
// period of 0 means [DefaultCounterPeriod]; more than a second counts as one second, a
// negative one as no time at all, so that each read is strict.
//
// It returns a [*NoCounterError] unless this is Linux on amd64 or arm64, the
// kernel's clock source is the counter (/sys/devices/system/clocksource), and all
// CPUs say that theirs is constant, runs on in deep sleep and can be read in order (constant_tsc,
// nonstop_tsc and rdtscp in /proc/cpuinfo). There is no fallback; [NewFastClock] works everywhere.
func NewCounterClock(strict LocalClock, period time.Duration) (*CounterClock, error) {
	if err := trustCounter(strict); err != nil {
		return nil, err
	}
	return newCounterClock(strict, period, counter, func() error { return trustCounter(strict) }), nil
}

func newCounterClock(strict LocalClock, period time.Duration, counter func() int64, trust func() error) *CounterClock {
	if period == 0 {
		period = DefaultCounterPeriod
	}
	c := &CounterClock{}
	c.measured.init(min(max(period, 0), maxPeriod), trust)
	c.init(strict, counter, c.measured.tempo)
	return c
}

// Doubt returns nil while readings are counted, and otherwise why each of them
// is a strict one for now: the counter is still being measured, or a
// [*NoCounterError] because the kernel has left it.
func (c *CounterClock) Doubt() error {
	return *c.measured.doubt.Load()
}
