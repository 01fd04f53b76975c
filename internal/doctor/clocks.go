package doctor

import "time"

// clocks are the machine's monotonic clocks at one moment, the wall clock left out.
type clocks struct {
	mono   time.Duration // CLOCK_MONOTONIC, somewhere within raw
	raw    [2]time.Duration
	asleep time.Duration // CLOCK_BOOTTIME − CLOCK_MONOTONIC, never too much
}

// Rate is by how much CLOCK_MONOTONIC ran faster than the hardware, as a ratio, and how
// wrong that can be.
type Rate struct{ Ratio, Error float64 }

// rate compares two moments; nil if they are too near each other to say anything.
func (c *clocks) rate(later clocks) *Rate {
	least, most := later.raw[0]-c.raw[1], later.raw[1]-c.raw[0] // what the hardware counted
	mono := later.mono - c.mono
	if least <= 0 || mono <= 0 {
		return nil
	}
	fastest, slowest := float64(mono)/float64(least)-1, float64(mono)/float64(most)-1
	return &Rate{Ratio: (fastest + slowest) / 2, Error: (fastest - slowest) / 2}
}
