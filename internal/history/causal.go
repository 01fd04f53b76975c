package history

import (
	"fmt"
	"iter"
	"time"
)

// causalReverse asks of each reader: of all that it sees, which began last? What was known before that, it has to see, too.
func (x *index) causalReverse() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		first := x.firstKnown()
		for reader, reads := range x.reads {
			t2 := x.lastBegun(reads)
			if t2 < 0 {
				continue
			}
			if t1, key, ok := x.missed(reads, x.ops[t2].Invoked, first); ok {
				why := fmt.Sprintf("T3 sees T2, and of %s a version older than that of T1, which was known before T2 began", key)
				if !yield(finding{[]int{t1, t2, reader}, why}) {
					return
				}
			}
		}
	}
}

// stale asks the same, with the beginning of the reader itself.
func (x *index) stale() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		first := x.firstKnown()
		for reader, reads := range x.reads {
			if t1, key, ok := x.missed(reads, x.ops[reader].Invoked, first); ok {
				why := fmt.Sprintf("T2 reads of %s a version older than that of T1, which was known before T2 began", key)
				if !yield(finding{[]int{t1, reader}, why}) {
					return
				}
			}
		}
	}
}

// missed returns a writer that was known before a moment, and a key of which the reads show an older version.
func (x *index) missed(reads []read, before time.Duration, first [][]int) (writer int, key string, ok bool) {
	for _, r := range reads {
		if r.rank == unplaced {
			continue
		}
		newer := x.above(r.key, r.rank)
		if newer < len(first[r.key]) && x.knownAt(first[r.key][newer]) < before {
			return first[r.key][newer], x.keys[r.key], true
		}
	}
	return nothing, "", false
}

// firstKnown returns for each version of each key who, of its writer and those of the versions above, was known first.
func (x *index) firstKnown() [][]int {
	first := make([][]int, len(x.keys))
	for key, vs := range x.versions {
		first[key] = make([]int, len(vs))
		for i := len(vs) - 1; i >= 0; i-- {
			first[key][i] = vs[i].op
			if i+1 < len(vs) && x.knownAt(first[key][i+1]) < x.knownAt(vs[i].op) {
				first[key][i] = first[key][i+1]
			}
		}
	}
	return first
}

// lastBegun returns the writer that began last of those read from, or nothing.
func (x *index) lastBegun(reads []read) int {
	last := nothing
	for _, r := range reads {
		if r.writer >= 0 && (last < 0 || x.ops[r.writer].Invoked > x.ops[last].Invoked) {
			last = r.writer
		}
	}
	return last
}
