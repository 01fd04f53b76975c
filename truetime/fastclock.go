package truetime

import "time"

// DefaultFastPeriod is how long a [FastClock] counts on from one strict reading.
const DefaultFastPeriod = 100 * time.Microsecond

// maxPeriod keeps the arithmetic of an extension in 64 bits.
const maxPeriod = time.Second

// How far the rate of CLOCK_MONOTONIC may be off that of CLOCK_MONOTONIC_RAW. The
// kernel allows a tick that is 10 % off, 500 ppm of frequency and as much by
// adjtime, and a phase-locked loop that works off half a second of offset by
// quarters, 12.5 % in the first second. Together 22.6 %. Source: Linux,
// kernel/time/ntp.c: ntp_validate_timex, MAXFREQ, MAX_TICKADJ, MAXPHASE and SHIFT_PLL.
const maxSlewPercent = 23

// FastClock follows a strict clock and costs less than time.Now: it reads the
// strict clock once per period and counts on with the runtime's monotonic clock, which
// others may slew. Slack pays for that: up to 0.3 of the time since the last strict
// reading (30 µs after the default period) and for the width of that look.
//
// Its readings are of the strict clock's epochs, so a [Clock] on it serves bounds
// that were made with the strict clock, which is what ntpprobe does if it is given this one.
//
// HAZARD: what the strict clock would see at once (a suspend, the hypervisor's
// marker) this one sees at the first read after the period is over. The
// period is time that passes on the runtime's clock, which stands still in
// suspend: for up to one period after the machine woke up, the intervals served
// are late by as long as it slept. Let commit wait and whatever else must not be
// wrong after a suspend read the strict clock. A kernel that steers its clock by a
// pulse-per-second signal (STA_PPSTIME) may slew it faster than is paid for.
type FastClock struct {
	extension
	anchor time.Time
	fixed  tempo
}

// NewFastClock returns a clock that follows strict and reads it at least once
// per period of use. A period of 0 means [DefaultFastPeriod]; more than a second
// counts as one second, a negative one as no time at all, so that each read is strict.
func NewFastClock(strict LocalClock, period time.Duration) *FastClock {
	if period == 0 {
		period = DefaultFastPeriod
	}
	c := &FastClock{anchor: time.Now(), fixed: slewed(maxSlewPercent)}
	if _, ok := strict.(*portableClock); ok {
		c.fixed = slewed(0) // it is the runtime's clock itself
	}
	c.fixed.limit = uint64(min(max(period, 0), maxPeriod))
	c.init(strict, func() int64 { return int64(time.Since(c.anchor)) }, func(look) tempo { return c.fixed })
	return c
}

// slewed is the tempo of nanoseconds that are up to percent % off: if the ticks run
// fast by that, one of them is shorter.
func slewed(percent uint64) tempo {
	return tempo{shortest: (100 << 32) / (100 + percent), longest: (100<<32 + 99 - percent) / (100 - percent)}
}
