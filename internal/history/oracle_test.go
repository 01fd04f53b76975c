package history

import (
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// oracle says of any two or three transactions whether they are an anomaly, straight from the package comment.
type oracle struct {
	ops  []Op
	from []map[string]int // whose versions each has read, as far as that may be judged
	when []time.Duration  // when each was known
}

func newOracle(ops []Op) *oracle {
	o := &oracle{ops: ops}
	for i, op := range ops {
		from := map[string]int{}
		for key, value := range op.Reads {
			if w := o.writer(key, value); op.Returned >= 0 && w != i {
				from[key] = w
			}
		}
		o.from = append(o.from, from)
	}
	for i := range ops {
		at := o.end(i)
		for r := range ops {
			for _, w := range o.from[r] {
				if w == i {
					at = min(at, max(o.end(r), ops[i].Invoked))
				}
			}
		}
		o.when = append(o.when, at)
	}
	return o
}

// writer is who wrote it first in the list, or nothing, or nobody.
func (o *oracle) writer(key string, value int64) int {
	if value == 0 {
		return nothing
	}
	for i, op := range o.ops {
		if v, ok := op.Writes[key]; ok && v == value {
			return i
		}
	}
	return nobody
}

func (o *oracle) end(i int) time.Duration {
	if o.ops[i].Returned < 0 {
		return never
	}
	return max(o.ops[i].Returned, o.ops[i].Invoked)
}

// placed returns the timestamp of a version, by its writer; that of nothing is below all.
func (o *oracle) placed(writer int) (ts hlc.Timestamp, ok bool) {
	switch {
	case writer == nothing:
		return hlc.Timestamp{WallTime: -1 << 63}, true
	case writer == nobody || o.ops[writer].TS.IsZero() || o.when[writer] == never:
		return ts, false
	}
	return o.ops[writer].TS, true
}

// older reports that version a is certainly older than b; both are writers.
func (o *oracle) older(a, b int) bool {
	ta, okA := o.placed(a)
	tb, okB := o.placed(b)
	return okA && okB && ta.Before(tb)
}

func writes(op Op, key string) bool { _, ok := op.Writes[key]; return ok }

func (o *oracle) realTime(t1, t2 int) bool {
	a, b := o.ops[t1], o.ops[t2]
	if a.TS.IsZero() || b.TS.IsZero() || o.when[t2] == never {
		return false
	}
	if len(a.Writes) > 0 && o.when[t1] < b.Invoked {
		return b.TS.Before(a.TS) || len(b.Writes) > 0 && b.TS == a.TS
	}
	if len(a.Writes) == 0 && o.end(t1) < b.Invoked && !b.TS.After(a.TS) {
		for key := range a.Reads {
			if writes(b, key) {
				return true
			}
		}
	}
	return false
}

func (o *oracle) causalReverse(t1, t2, reader int) bool {
	if len(o.ops[t1].Writes) == 0 || o.when[t1] >= o.ops[t2].Invoked {
		return false
	}
	seesT2, missesT1 := false, false
	for key, w := range o.from[reader] {
		seesT2 = seesT2 || w == t2
		missesT1 = missesT1 || writes(o.ops[t1], key) && o.older(w, t1)
	}
	return seesT2 && missesT1
}

func (o *oracle) stale(t1, reader int) bool {
	if o.when[t1] >= o.ops[reader].Invoked {
		return false
	}
	for key, w := range o.from[reader] {
		if writes(o.ops[t1], key) && o.older(w, t1) {
			return true
		}
	}
	return false
}

func (o *oracle) longFork(a, b int) bool {
	seesA, seesB := o.from[a], o.from[b]
	older, newer := false, false
	for key, w := range seesA {
		if v, ok := seesB[key]; ok {
			older, newer = older || o.older(w, v), newer || o.older(v, w)
		}
	}
	return older && newer
}

func (o *oracle) monotonic(a, b int) bool {
	if o.ops[a].Client != o.ops[b].Client || o.end(a) >= o.ops[b].Invoked {
		return false
	}
	before := o.from[a]
	for key, w := range o.from[b] {
		if v, ok := before[key]; ok && o.older(w, v) || writes(o.ops[a], key) && o.older(w, a) {
			return true
		}
	}
	return false
}

// snapshot replays the writers up to the timestamp of a read-only transaction.
func (o *oracle) snapshot(reader int) bool {
	op := o.ops[reader]
	if len(op.Writes) > 0 || op.TS.IsZero() || op.Returned < 0 {
		return false
	}
	for key, value := range op.Reads {
		if w := o.writer(key, value); w >= 0 && o.ops[w].TS.IsZero() {
			continue
		}
		last := nothing
		for i := range o.ops {
			if _, ok := o.placed(i); ok && writes(o.ops[i], key) && !o.ops[i].TS.After(op.TS) && !o.older(i, last) {
				last = i
			}
		}
		right := last == nothing && value == 0
		for i := range o.ops { // several at one timestamp are all right
			right = right || last != nothing && o.ops[i].TS == o.ops[last].TS && o.when[i] != never && writes(o.ops[i], key) && o.ops[i].Writes[key] == value
		}
		if !right {
			return true
		}
	}
	return false
}

func (o *oracle) sameTimestamp(a, b int) bool {
	if _, ok := o.placed(a); !ok || o.ops[a].TS != o.ops[b].TS || o.when[b] == never || a == b {
		return false
	}
	for key := range o.ops[a].Writes {
		if writes(o.ops[b], key) {
			return true
		}
	}
	return false
}

func (o *oracle) impossibleOp(i int) bool {
	op := o.ops[i]
	bad := op.Returned >= 0 && (op.Returned < op.Invoked || len(op.Writes) > 0 && op.TS.IsZero())
	for key, value := range op.Writes {
		bad = bad || value == 0 || o.writer(key, value) != i
	}
	for _, w := range o.from[i] {
		bad = bad || w == nobody || w >= 0 && o.end(i) < o.ops[w].Invoked
	}
	return bad
}

// placeless tries every timestamp that could make a difference for a writer without one.
func (o *oracle) placeless(w int) bool {
	if len(o.ops[w].Writes) == 0 || !o.ops[w].TS.IsZero() || !o.seen(w) {
		return false
	}
	candidates := []hlc.Timestamp{{WallTime: -1 << 63}}
	for _, op := range o.ops {
		candidates = append(candidates, op.TS)
		if next, err := op.TS.Next(); err == nil {
			candidates = append(candidates, next)
		}
	}
	return !slices.ContainsFunc(candidates, func(ts hlc.Timestamp) bool { return o.explains(w, ts) })
}

func (o *oracle) seen(w int) bool {
	for r := range o.ops {
		for _, from := range o.from[r] {
			if from == w {
				return true
			}
		}
	}
	return false
}

// explains says whether each snapshot of what w wrote shows what it should if w is at ts.
func (o *oracle) explains(w int, ts hlc.Timestamp) bool {
	for r, op := range o.ops {
		if len(op.Writes) > 0 || op.TS.IsZero() {
			continue
		}
		for key, from := range o.from[r] {
			at, placed := o.placed(from)
			switch {
			case !writes(o.ops[w], key):
			case from == w && (ts.After(op.TS) || o.overwritten(key, ts, op.TS)):
				return false
			case placed && from != w && !ts.After(op.TS) && !ts.Before(at):
				return false
			}
		}
	}
	return true
}

// overwritten reports a version of key from ts up to limit.
func (o *oracle) overwritten(key string, ts, limit hlc.Timestamp) bool {
	for i := range o.ops {
		if at, ok := o.placed(i); ok && writes(o.ops[i], key) && !at.Before(ts) && !at.After(limit) {
			return true
		}
	}
	return false
}

// pairs of all transactions, or triples.
func (o *oracle) pairs() iter.Seq2[int, int] {
	return func(yield func(a, b int) bool) {
		for a := range o.ops {
			for b := range o.ops {
				if !yield(a, b) {
					return
				}
			}
		}
	}
}

// culprits are those that a check may not leave out, by the place in Ops at which they stand.
func (o *oracle) culprits() map[string]map[int]bool {
	found := map[string]map[int]bool{}
	for _, c := range checks {
		found[c.kind] = map[int]bool{}
	}
	for a, b := range o.pairs() {
		if o.realTime(a, b) {
			found["real time"][b] = true
		}
		if o.stale(a, b) {
			found["stale read"][b] = true
		}
		if o.longFork(a, b) {
			found["long fork"][a], found["long fork"][b] = true, true
		}
		if o.monotonic(a, b) {
			found["monotonic"][b] = true
		}
		if o.sameTimestamp(a, b) {
			found["snapshots"][a], found["snapshots"][b] = true, true
		}
		for reader := range o.ops {
			if o.causalReverse(a, b, reader) {
				found["causal reverse"][reader] = true
			}
		}
	}
	for i := range o.ops {
		if o.snapshot(i) || o.placeless(i) {
			found["snapshots"][i] = true
		}
		if o.impossibleOp(i) {
			found["impossible"][i] = true
		}
	}
	return found
}

// confirms says whether a finding is one, and whom it convicts.
func (o *oracle) confirms(kind string, ops []int) (ok bool, convicts []int) {
	last := ops[len(ops)-1:]
	switch kind {
	case "real time":
		return o.realTime(ops[0], ops[1]), last
	case "causal reverse":
		return o.causalReverse(ops[0], ops[1], ops[2]), last
	case "stale read":
		return o.stale(ops[0], ops[1]), last
	case "long fork":
		return o.longFork(ops[0], ops[1]), ops
	case "monotonic":
		return o.monotonic(ops[0], ops[1]), last
	case "impossible":
		return o.impossibleOp(last[0]), last
	}
	if len(ops) == 2 && o.sameTimestamp(ops[0], ops[1]) {
		return true, ops
	}
	if o.ops[ops[0]].TS.IsZero() {
		return o.placeless(ops[0]), ops[:1]
	}
	return o.snapshot(ops[0]), ops[:1]
}

// agree compares every check with the oracle: what it finds is an anomaly, and it finds everybody who is in one.
func agree(t *testing.T, ops []Op, story string) {
	t.Helper()
	o, x := newOracle(ops), newIndex(ops)
	want := o.culprits()
	for _, c := range checks {
		got := map[int]bool{}
		for f := range c.find(x) {
			ok, convicts := o.confirms(c.kind, f.ops)
			require.True(t, ok, "%s: %s of %v\n%s\n%s", c.kind, f.why, f.ops, story, list(ops))
			for _, i := range convicts {
				got[i] = true
			}
		}
		require.Equal(t, want[c.kind], got, "%s\n%s\n%s", c.kind, story, list(ops))
	}
}

// list is the whole history, for a failure.
func list(ops []Op) (text string) {
	for i, op := range ops {
		text += "  " + string(rune('0'+i/10)) + string(rune('0'+i%10)) + "  " + op.String() + "\n"
	}
	return text
}

// kinds are those of the anomalies, each once.
func kinds(found []Anomaly) (names []string) {
	for _, a := range found {
		if !slices.Contains(names, a.Kind) {
			names = append(names, a.Kind)
		}
	}
	return names
}
