package ntpprobe

import (
	"math"

	"github.com/trueclock/trueclock/truetime"
)

// window keeps what one server said lately, as far as it can still matter under
// the drift-only model: the tightest upper and the tightest lower constraint,
// each aged by D times its distance.
//
// All lines of one side have the same slope, so which of two is tighter never
// changes. A line that a newer one beats is dropped for good, which leaves a queue that
// gets worse from front to back: the front binds now, the others take over as
// the older ones leave the window. (The classical sliding-window minimum.)
type window struct {
	latest, earliest []constraint
	newest           Sample // the last accepted sample
	samples          int    // accepted samples, ever
}

// constraint is a line and the sample it came from, for the error budget.
type constraint struct {
	line   truetime.Line
	sample Sample
}

// add takes a checked sample. At most maxSamples constraints stay on each side;
// dropping one is always sound.
func (w *window) add(s Sample, driftPPB int64, maxSamples int) {
	w.latest = push(w.latest, constraint{s.latest(driftPPB), s}, maxSamples, func(newer, older truetime.Line) bool {
		at := max(newer.At, older.At)
		return upper(newer, at) <= upper(older, at)
	})
	w.earliest = push(w.earliest, constraint{s.earliest(driftPPB), s}, maxSamples, func(newer, older truetime.Line) bool {
		at := max(newer.At, older.At)
		return lower(newer, at) >= lower(older, at)
	})
	w.newest = s
	w.samples++
}

// push appends c after removing from the back what it beats.
func push(queue []constraint, c constraint, limit int, beats func(newer, older truetime.Line) bool) []constraint {
	for len(queue) > 0 && beats(c.line, queue[len(queue)-1].line) {
		queue = queue[:len(queue)-1]
	}
	if len(queue) >= limit && len(queue) > 1 {
		queue = queue[:len(queue)-1] // never the front, which binds now
	}
	return append(queue, c)
}

// upper is the value of an upper constraint, rounded up. One that 64 bits cannot
// hold says nothing.
func upper(l truetime.Line, nanos int64) int64 {
	if v, ok := l.Ceil(nanos); ok {
		return v
	}
	return math.MaxInt64
}

// lower is the value of a lower constraint, rounded down.
func lower(l truetime.Line, nanos int64) int64 {
	if v, ok := l.Floor(nanos); ok {
		return v
	}
	return math.MinInt64
}

// expire drops the constraints anchored before oldest.
func (w *window) expire(oldest int64) {
	w.latest = dropBefore(w.latest, oldest)
	w.earliest = dropBefore(w.earliest, oldest)
}

func dropBefore(queue []constraint, oldest int64) []constraint {
	for len(queue) > 0 && queue[0].line.At < oldest {
		queue = queue[1:]
	}
	return queue
}

// restart forgets everything but the newest sample.
func (w *window) restart(driftPPB int64) {
	s, n := w.newest, w.samples
	*w = window{}
	w.add(s, driftPPB, 1)
	w.samples = n
}

// contradicts reports whether the server's own claims exclude each other.
func (w *window) contradicts() bool {
	s := w.at(max(w.latest[0].line.At, w.earliest[0].line.At))
	return s.lo > s.hi
}

func (w *window) empty() bool { return len(w.latest) == 0 || len(w.earliest) == 0 }

// span is the range of true time that a server, or a domain, leaves at one
// reading. It is inverted if the claims exclude each other.
type span struct {
	lo, hi int64 // unix nanoseconds, rounded outward
}

func (s span) intersect(o span) span { return span{max(s.lo, o.lo), min(s.hi, o.hi)} }

// unlimited reports whether a side says nothing any more.
func (s span) unlimited() bool { return s.lo == math.MinInt64 || s.hi == math.MaxInt64 }

// at returns the span at a reading that is not before any sample.
func (w *window) at(nanos int64) span {
	return span{lo: lower(w.earliest[0].line, nanos), hi: upper(w.latest[0].line, nanos)}
}
