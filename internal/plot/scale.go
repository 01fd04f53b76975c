package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// scale turns values into places from 0 to 1, and has its ticks.
type scale struct {
	kind      Kind
	low, high float64
	unit      float64 // of Seconds: what one is
	unitName  string
}

// newScale covers low to high, and margin of that more on both sides.
func newScale(kind Kind, low, high, margin float64) scale {
	if kind == Log {
		return scale{kind: kind, low: math.Pow(10, math.Floor(math.Log10(low)+1e-9)), high: math.Pow(10, math.Ceil(math.Log10(high)+1e-9))}.open()
	}
	more := (high - low) * margin
	s := scale{kind: kind, low: low - more, high: high + more}.open()
	if kind == Seconds {
		s.unit, s.unitName = unitFor(max(math.Abs(s.low), math.Abs(s.high)))
	}
	return s
}

// open makes a range of one value wider, so that it has places.
func (s scale) open() scale {
	if s.high > s.low {
		return s
	}
	if s.kind == Log {
		s.low, s.high = s.low/10, s.high*10
		return s
	}
	around := max(math.Abs(s.low)*0.1, 1e-9)
	if s.kind == Moments {
		around = 1
	}
	s.low, s.high = s.low-around, s.high+around
	return s
}

func unitFor(largest float64) (float64, string) {
	switch {
	case largest < 1e-6:
		return 1e-9, "ns"
	case largest < 1e-3:
		return 1e-6, "µs"
	case largest < 1:
		return 1e-3, "ms"
	}
	return 1, "s"
}

// place is where a value goes, from 0 at low to 1 at high.
func (s scale) place(v float64) float64 {
	if s.kind == Log {
		return (math.Log10(v) - math.Log10(s.low)) / (math.Log10(s.high) - math.Log10(s.low))
	}
	return (v - s.low) / (s.high - s.low)
}

// tick is a mark on an axis.
type tick struct {
	at   float64
	text string
}

// ticks returns about n marks at round values.
func (s scale) ticks(n int) []tick {
	switch s.kind {
	case Log:
		return s.decades(n)
	case Moments:
		return s.moments(n)
	}
	unit := s.unit
	if unit == 0 {
		unit = 1
	}
	step := roundStep((s.high-s.low)/unit/float64(n)) * unit
	var list []tick
	decimals := max(0, -int(math.Floor(math.Log10(step/unit)+1e-9)))
	for i := math.Ceil(s.low / step); i*step <= s.high && len(list) <= 2*n; i++ {
		text := strconv.FormatFloat(i*step/unit, 'f', decimals, 64)
		if strings.Trim(text, "-0.") == "" {
			text = "0"
		}
		list = append(list, tick{i * step, text})
	}
	return list
}

// roundStep is 1, 2 or 5 times a power of ten, not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// decades are powers of ten, every few of them if there are many.
func (s scale) decades(n int) []tick {
	first, last := int(math.Round(math.Log10(s.low))), int(math.Round(math.Log10(s.high)))
	step := max(1, (last-first+n-1)/max(n, 1))
	var list []tick
	for e := first; e <= last; e += step {
		list = append(list, tick{math.Pow(10, float64(e)), fmt.Sprintf("1e%d", e)})
	}
	return list
}

// pauses are the steps of a time axis, in seconds.
var pauses = []int64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400, 365 * 86400}

// moments are round times of the day in UTC, with the date where it says more.
func (s scale) moments(n int) []tick {
	span := s.high - s.low
	step := int64(0)
	for _, p := range pauses {
		if step = p; span/float64(p) <= float64(n) {
			break
		}
	}
	if span < float64(n)/2 {
		return s.fractions(n)
	}
	for span/float64(step) > float64(2*n) {
		step *= 2
	}
	layout := "15:04:05"
	switch {
	case step >= 86400:
		layout = "2006-01-02"
	case span > 86400:
		layout = "01-02 15:04"
	case step >= 60:
		layout = "15:04"
	}
	var list []tick
	for at := int64(math.Ceil(s.low/float64(step))) * step; float64(at) <= s.high; at += step {
		list = append(list, tick{float64(at), time.Unix(at, 0).UTC().Format(layout)})
	}
	return list
}

// fractions mark a span of a few seconds.
func (s scale) fractions(n int) []tick {
	step := roundStep((s.high - s.low) / float64(n))
	var list []tick
	for i := math.Ceil(s.low / step); i*step <= s.high && len(list) <= 2*n; i++ {
		at := time.UnixMilli(int64(math.Round(i * step * 1000))).UTC()
		list = append(list, tick{i * step, at.Format("05.000")})
	}
	return list
}
