package main

import (
	"fmt"
	"math"
	"time"
)

// humanDuration writes four digits and the unit that fits: 391.0 ns, 59.99 µs,
// 3.998 ms, 12.00 s. From 1000 s on it counts whole seconds.
func humanDuration(d time.Duration) string {
	value, unit := float64(d), "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if math.Abs(value) < 999.95 {
			break
		}
		value, unit = value/1000, next
	}
	switch abs := math.Abs(value); {
	case abs < 9.9995:
		return fmt.Sprintf("%.3f %s", value, unit)
	case abs < 99.995:
		return fmt.Sprintf("%.2f %s", value, unit)
	case abs < 999.95:
		return fmt.Sprintf("%.1f %s", value, unit)
	}
	return fmt.Sprintf("%.0f %s", value, unit)
}

// humanBound writes the half width of something that is true: as humanDuration, but rounded up.
func humanBound(d time.Duration) string { return humanDuration(upward(d)) }

// upward rounds an error up to the four digits that are shown.
func upward(d time.Duration) time.Duration {
	step := time.Duration(1)
	for d/step >= 10_000 {
		step *= 10
	}
	if rest := d % step; rest > 0 && d <= math.MaxInt64-step {
		d += step - rest
	}
	return d
}

// ppmBound writes the error of a rate, a ratio, in ppm: three digits, rounded up but for the noise of
// the arithmetic.
func ppmBound(ratio float64) string { return fmt.Sprintf("%.3f", math.Ceil(ratio*1e9-1e-6)/1000) }

// ppmSigned writes a rate, a ratio, in ppm with its sign. A zero has no minus.
func ppmSigned(ratio float64) string { return fmt.Sprintf("%+.3f", math.Round(ratio*1e9)/1000+0) }

// downward leaves out what the four digits do not show: of what is certain.
func downward(d time.Duration) time.Duration {
	step := time.Duration(1)
	for d/step >= 10_000 {
		step *= 10
	}
	return d - d%step
}

// humanOffset says an offset in words: positive means that the local clock is
// slow.
func humanOffset(offset time.Duration) string {
	switch {
	case offset > 0:
		return humanDuration(offset) + " slow"
	case offset < 0:
		return humanDuration(-offset) + " fast"
	}
	return "0 ns"
}

// jsonTime is RFC 3339 in UTC with nine digits.
func jsonTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

// humanSpan writes two moments, rounded outward to a microsecond, the second
// without what it shares with the first: 2026-11-23 07:36:45.353951 Z … 45.354074 Z.
func humanSpan(from, to time.Time) string {
	const date, clock, second = "2006-01-02 ", "15:04:", "05.000000 Z"
	from, to = from.UTC(), to.UTC().Add(time.Microsecond-1).Truncate(time.Microsecond)
	layout := second
	switch {
	case from.Format(date) != to.Format(date):
		layout = date + clock + second
	case from.Format(clock) != to.Format(clock):
		layout = clock + second
	}
	return from.Format(date+clock+second) + " … " + to.Format(layout)
}
