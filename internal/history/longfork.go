package history

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// placedRead is a read of a version that has a place, and its reader.
type placedRead struct{ op, rank int }

// longFork goes through the readers of each key x from the oldest version to the newest, and keeps of every other key y the
// newest version that any of them has shown. A reader of a newer x with an older y than that is in a fork.
func (x *index) longFork() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		readers := x.readersByKey()
		newest := make([]placedRead, len(x.keys))
		var touched []int
		told := map[[2]int]bool{}
		for key, rs := range readers {
			for _, y := range touched {
				newest[y] = placedRead{}
			}
			touched = touched[:0]
			for len(rs) > 0 {
				same := 1
				for same < len(rs) && rs[same].rank == rs[0].rank {
					same++
				}
				for _, r := range rs[:same] {
					other, y, found := x.forked(r.op, newest)
					pair := [2]int{min(other, r.op), max(other, r.op)}
					if !found || told[pair] {
						continue
					}
					told[pair] = true
					why := fmt.Sprintf("T1 has the newer %s and T2 has the newer %s", x.keys[y], x.keys[key])
					if !yield(finding{[]int{other, r.op}, why}) {
						return
					}
				}
				for _, r := range rs[:same] {
					for _, other := range x.reads[r.op] {
						if other.rank > newest[other.key].rank {
							newest[other.key] = placedRead{r.op, other.rank}
							touched = append(touched, other.key)
						}
					}
				}
				rs = rs[same:]
			}
		}
	}
}

// forked returns who has shown a newer version of a key than op has.
func (x *index) forked(op int, newest []placedRead) (other, key int, found bool) {
	for _, r := range x.reads[op] {
		if r.rank != unplaced && r.rank < newest[r.key].rank {
			return newest[r.key].op, r.key, true
		}
	}
	return 0, 0, false
}

// readersByKey returns who read each key, the oldest version first.
func (x *index) readersByKey() [][]placedRead {
	readers := make([][]placedRead, len(x.keys))
	for op, reads := range x.reads {
		for _, r := range reads {
			if r.rank != unplaced && len(reads) > 1 {
				readers[r.key] = append(readers[r.key], placedRead{op, r.rank})
			}
		}
	}
	for _, rs := range readers {
		slices.SortStableFunc(rs, func(a, b placedRead) int { return cmp.Compare(a.rank, b.rank) })
	}
	return readers
}
