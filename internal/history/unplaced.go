package history

import (
	"iter"
	"math"
	"slices"

	"github.com/trueclock/trueclock/hlc"
)

// bottom and top are the ends of all timestamps; nobody is at them.
var (
	bottom = hlc.Timestamp{WallTime: math.MinInt64}
	top    = hlc.Timestamp{WallTime: math.MaxInt64, Logical: math.MaxUint32}
)

// span is the timestamps from one to another, both included, that a writer cannot have because of what a reader saw.
type span struct {
	from, to hlc.Timestamp
	reader   int
}

// unplaced asks of each writer without timestamp that somebody has seen, whether there is one that would explain it.
// Other such writers are left out of it: they may be anywhere.
func (x *index) unplaced() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		var readers [][]reader
		for op := range x.ops {
			if len(x.writes[op]) == 0 || !x.ops[op].TS.IsZero() || x.seenAt[op] == never {
				continue
			}
			if readers == nil {
				readers = x.snapshotsByKey()
			}
			spans := x.forbidden(op, readers)
			if witnesses := covering(spans); witnesses != nil && !yield(finding{append([]int{op}, witnesses...),
				"no timestamp of T1 explains who has seen it, and who has not"}) {
				return
			}
		}
	}
}

// reader is a read-only transaction with a timestamp, and what it saw of one key.
type reader struct {
	op int
	read
}

// snapshotsByKey returns who read each key at a timestamp.
func (x *index) snapshotsByKey() [][]reader {
	readers := make([][]reader, len(x.keys))
	for op, reads := range x.reads {
		if x.ops[op].writes() || x.ops[op].TS.IsZero() {
			continue
		}
		for _, r := range reads {
			readers[r.key] = append(readers[r.key], reader{op, r})
		}
	}
	return readers
}

// forbidden returns where op cannot be, first by those who saw it: it is not above them, and above all that would have hidden it from them.
// Who saw something else is below op, or what it saw is above; that matters only between the first two.
func (x *index) forbidden(op int, readers [][]reader) []span {
	below, above := span{bottom, bottom, nothing}, span{top, top, nothing}
	for _, w := range x.writes[op] {
		for _, r := range readers[w.key] {
			if r.writer != op {
				continue
			}
			if hidden := x.newestAt(w.key, x.ops[r.op].TS); hidden.After(below.to) {
				below.to, below.reader = hidden, r.op
			}
			if after, err := x.ops[r.op].TS.Next(); err == nil && (above.reader == nothing || after.Before(above.from)) {
				above.from, above.reader = after, r.op
			}
		}
	}
	spans := []span{below, above}
	for _, w := range x.writes[op] {
		for _, r := range readers[w.key] {
			s := span{bottom, x.ops[r.op].TS, r.op}
			if r.writer >= 0 && r.rank != unplaced {
				s.from = x.ops[r.writer].TS
			}
			if r.writer != op && (r.writer == nothing || r.rank != unplaced) && s.to.After(below.to) && s.from.Before(above.from) {
				spans = append(spans, s)
			}
		}
	}
	return spans
}

// newestAt returns the timestamp of the newest version of key up to ts.
func (x *index) newestAt(key int, ts hlc.Timestamp) hlc.Timestamp {
	n := x.upTo(key, ts)
	if n == 0 {
		return bottom
	}
	return x.ops[x.versions[key][n-1].op].TS
}

// covering returns the readers of spans that together leave nothing between the lowest and the highest timestamp, or nil. The first span
// begins at the lowest, and the second ends at the highest.
func covering(spans []span) (witnesses []int) {
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	for next := bottom; ; {
		best := span{to: bottom, reader: nothing}
		for ; len(spans) > 0 && !spans[0].from.After(next); spans = spans[1:] {
			if !spans[0].to.Before(best.to) {
				best = spans[0]
			}
		}
		if best.to.Before(next) {
			return nil // next is free
		}
		if best.reader != nothing {
			witnesses = append(witnesses, best.reader)
		}
		after, err := best.to.Next()
		if err != nil {
			return slices.Compact(witnesses)
		}
		next = after
	}
}
