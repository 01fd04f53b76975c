package history

import (
	"fmt"
	"iter"
)

// impossible looks at each transaction, and at the writers of what it read.
func (x *index) impossible() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		first := map[write]int{}
		for i, op := range x.ops {
			if op.known() && op.Returned < op.Invoked && !yield(finding{[]int{i}, "T1 returned before it was invoked"}) {
				return
			}
			if op.known() && op.writes() && op.TS.IsZero() && !yield(finding{[]int{i}, "T1 wrote and has returned, and has no timestamp"}) {
				return
			}
			for _, w := range x.writes[i] {
				at := write{key: w.key, value: w.value}
				other, twice := first[at]
				switch {
				case w.value == 0 && !yield(finding{[]int{i}, fmt.Sprintf("T1 wrote 0 to %s, which means that nothing is there", x.keys[w.key])}):
					return
				case twice && !yield(finding{[]int{other, i}, fmt.Sprintf("both wrote %s=%d", x.keys[w.key], w.value)}):
					return
				case !twice:
					first[at] = i
				}
			}
			for _, r := range x.reads[i] {
				switch {
				case r.writer == nobody && !yield(finding{[]int{i}, fmt.Sprintf("T1 read %s=%d, which nobody wrote", x.keys[r.key], r.value)}):
					return
				case r.writer >= 0 && x.returned[i] < x.ops[r.writer].Invoked &&
					!yield(finding{[]int{r.writer, i}, fmt.Sprintf("T2 returned %s=%d before T1, which wrote it, began", x.keys[r.key], r.value)}):
					return
				}
			}
		}
	}
}
