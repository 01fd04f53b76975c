package history

import (
	"fmt"
	"iter"
)

// causalReverse asks of each reader: of all that it sees, which began last? And of each key, which of the versions above
// the one that it sees was known first? If that was before, the reader has missed it.
func (x *index) causalReverse() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		first := x.firstKnown()
		for reader, reads := range x.reads {
			t2 := x.lastBegun(reads)
			if t2 < 0 {
				continue
			}
			for _, r := range reads {
				if r.rank == unplaced || x.above(r.key, r.rank) == len(x.versions[r.key]) {
					continue
				}
				t1 := first[r.key][x.above(r.key, r.rank)]
				if x.knownAt(t1) >= x.ops[t2].Invoked {
					continue
				}
				why := fmt.Sprintf("T3 sees T2, and of %s a version older than that of T1, which was known before T2 began", x.keys[r.key])
				if !yield(finding{[]int{t1, t2, reader}, why}) {
					return
				}
				break
			}
		}
	}
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
