package history

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/trueclock/trueclock/hlc"
)

// lowest is below every timestamp that was ever issued.
var lowest = hlc.Timestamp{WallTime: math.MinInt64}

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
				fmt.Sprintf("no timestamp of T1 explains who has seen it, and who has not (%d readers)", len(spans))}) {
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

// forbidden returns where op cannot be. A reader of it is not below it, and nothing that this reader could have seen instead is above it. A
// reader of another version is below it, or that version is above it.
func (x *index) forbidden(op int, readers [][]reader) (spans []span) {
	for _, w := range x.writes[op] {
		for _, r := range readers[w.key] {
			at := x.ops[r.op].TS
			switch {
			case r.writer == op:
				spans = append(spans, span{lowest, x.newestAt(w.key, at), r.op})
				if after, err := at.Next(); err == nil {
					spans = append(spans, span{after, hlc.Timestamp{WallTime: math.MaxInt64, Logical: math.MaxUint32}, r.op})
				}
			case r.writer == nothing:
				spans = append(spans, span{lowest, at, r.op})
			case r.rank != unplaced:
				spans = append(spans, span{x.ops[r.writer].TS, at, r.op})
			}
		}
	}
	return spans
}

// newestAt returns the timestamp of the newest version of key up to ts.
func (x *index) newestAt(key int, ts hlc.Timestamp) hlc.Timestamp {
	n := x.upTo(key, ts)
	if n == 0 {
		return lowest
	}
	return x.ops[x.versions[key][n-1].op].TS
}

// covering returns the readers of spans that leave no timestamp above the lowest, or nil.
func covering(spans []span) (witnesses []int) {
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	for next := lowest; ; {
		best := span{to: lowest, reader: nothing}
		for ; len(spans) > 0 && !spans[0].from.After(next); spans = spans[1:] {
			if spans[0].to.After(best.to) {
				best = spans[0]
			}
		}
		if best.reader == nothing || best.to.Before(next) {
			return nil // next is free
		}
		witnesses = append(witnesses, best.reader)
		after, err := best.to.Next()
		if err != nil {
			return slices.Compact(witnesses)
		}
		next = after
	}
}
