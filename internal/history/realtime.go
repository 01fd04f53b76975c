package history

import (
	"fmt"
	"iter"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// highest is the highest timestamp so far, and whose it is.
type highest struct {
	ts hlc.Timestamp
	op int
	ok bool
}

func (h *highest) add(ts hlc.Timestamp, op int) {
	if !h.ok || ts.After(h.ts) {
		*h = highest{ts, op, true}
	}
}

// realTime walks through the moments at which transactions begin, and keeps the highest timestamp of all that was known before, and
// the highest of all snapshots of each key that had returned.
func (x *index) realTime() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		n := len(x.ops)
		begun := sortedBy(n, func(op int) time.Duration { return x.ops[op].Invoked })
		known := sortedBy(n, func(op int) time.Duration {
			if !x.ops[op].writes() {
				return never
			}
			return x.knownAt(op)
		})
		read := sortedBy(n, func(op int) time.Duration {
			if x.ops[op].writes() {
				return never
			}
			return x.returned[op]
		})
		var writers highest
		snapshots := make([]highest, len(x.keys))
		for _, t2 := range begun {
			op := x.ops[t2]
			for ; len(known) > 0 && x.knownAt(known[0]) < op.Invoked; known = known[1:] {
				if t1 := known[0]; !x.ops[t1].TS.IsZero() {
					writers.add(x.ops[t1].TS, t1)
				}
			}
			for ; len(read) > 0 && x.returned[read[0]] < op.Invoked; read = read[1:] {
				if t1 := read[0]; !x.ops[t1].TS.IsZero() {
					for _, r := range x.reads[t1] {
						snapshots[r.key].add(x.ops[t1].TS, t1)
					}
				}
			}
			if f, wrong := x.againstTime(t2, writers, snapshots); wrong && !yield(f) {
				return
			}
		}
	}
}

// againstTime judges t2 by the highest timestamps of what was over before it began.
func (x *index) againstTime(t2 int, writers highest, snapshots []highest) (finding, bool) {
	ts, writes := x.ops[t2].TS, x.ops[t2].writes()
	switch {
	case ts.IsZero() || !x.happened(t2):
		return finding{}, false
	case writers.ok && writes && !ts.After(writers.ts):
		return finding{[]int{writers.op, t2}, "T2 began after T1 was known, and its timestamp is not higher"}, true
	case writers.ok && ts.Before(writers.ts):
		return finding{[]int{writers.op, t2}, "T2 is a snapshot that began after T1 was known, and is below it"}, true
	}
	for _, w := range x.writes[t2] {
		if s := snapshots[w.key]; s.ok && !ts.After(s.ts) {
			return finding{[]int{s.op, t2}, fmt.Sprintf("T2 began after the snapshot T1 of %s had been read, and wrote below it", x.keys[w.key])}, true
		}
	}
	return finding{}, false
}
