package allan

import "time"

// Sample is an offset at a moment.
type Sample struct {
	At     time.Duration // since any beginning
	Offset float64       // seconds
}

// Even returns the offsets on an even grid, as the deviation needs them, and its
// step: the mean pause between two samples, so that there are as many as before. Between samples
// it draws a straight line, which takes noise away at the shortest averaging times. The samples must be in order; of several
// at one moment the last counts. It returns nothing for fewer than three moments.
func Even(samples []Sample) (offsets []float64, step time.Duration) {
	var distinct []Sample
	for _, s := range samples {
		if n := len(distinct); n > 0 && s.At <= distinct[n-1].At {
			distinct[n-1].Offset = s.Offset
			continue
		}
		distinct = append(distinct, s)
	}
	if len(distinct) < 3 {
		return nil, 0
	}
	first, last := distinct[0].At, distinct[len(distinct)-1].At
	step = (last - first) / time.Duration(len(distinct)-1) // at least 1 ns: the moments differ
	next := 1
	for at := first; at <= last; at += step {
		for distinct[next].At < at {
			next++
		}
		a, b := distinct[next-1], distinct[next]
		along := float64(at-a.At) / float64(b.At-a.At)
		offsets = append(offsets, a.Offset+along*(b.Offset-a.Offset))
	}
	return offsets, step
}
