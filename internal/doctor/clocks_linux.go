package doctor

import (
	"time"

	"golang.org/x/sys/unix"
)

// readClocks reads all three a few times and keeps the tightest; nil if one is missing.
func readClocks() *clocks {
	var best *clocks
	var asleep time.Duration
	for range 5 {
		var at [5]time.Duration
		for i, id := range []int32{unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_MONOTONIC, unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC} {
			var ts unix.Timespec
			if err := unix.ClockGettime(id, &ts); err != nil {
				return nil
			}
			at[i] = time.Duration(ts.Nano())
		}
		// BOOTTIME was read before the second MONOTONIC: being interrupted makes the sleep less,
		// never more.
		asleep = max(asleep, at[3]-at[4])
		c := &clocks{mono: at[1], raw: [2]time.Duration{at[0], at[2]}}
		if best == nil || c.raw[1]-c.raw[0] < best.raw[1]-best.raw[0] {
			best = c
		}
	}
	best.asleep = asleep
	return best
}
