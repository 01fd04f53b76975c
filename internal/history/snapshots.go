package history

import (
	"fmt"
	"iter"
)

// snapshots compares each read with the newest version at or below the snapshot, and looks for a place for those
// writers whose timestamp is not known.
func (x *index) snapshots() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		for key, vs := range x.versions {
			for i := 1; i < len(vs); i++ {
				if vs[i].rank == vs[i-1].rank && !yield(finding{[]int{vs[i-1].op, vs[i].op}, x.keys[key] + " has two versions at one timestamp"}) {
					return
				}
			}
		}
		for op, reads := range x.reads {
			if x.ops[op].writes() || x.ops[op].TS.IsZero() {
				continue
			}
			for _, r := range reads {
				if f, wrong := x.againstReplay(op, r); wrong {
					if !yield(f) {
						return
					}
					break
				}
			}
		}
		x.unplaced()(yield)
	}
}

// againstReplay judges one read. What a writer without timestamp wrote is judged by unplaced.
func (x *index) againstReplay(op int, r read) (finding, bool) {
	if r.writer >= 0 && x.ops[r.writer].TS.IsZero() {
		return finding{}, false
	}
	n := x.upTo(r.key, x.ops[op].TS)
	if n == 0 {
		return finding{[]int{op}, fmt.Sprintf("T1 shows %s=%d, where the replay has nothing", x.keys[r.key], r.value)}, r.value != 0
	}
	vs := x.versions[r.key][:n]
	last := vs[n-1]
	for i := n - 1; i >= 0 && vs[i].rank == last.rank; i-- {
		if vs[i].value == r.value {
			return finding{}, false
		}
	}
	return finding{[]int{op, last.op}, fmt.Sprintf("T1 shows %s=%d, where the replay has %d of T2", x.keys[r.key], r.value, last.value)}, true
}
