package history

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// never is after everything.
const never = time.Duration(math.MaxInt64)

const (
	nothing  = -1 // the writer of 0
	nobody   = -2 // the writer of a value that nobody wrote
	unplaced = -1 // the rank of a version of a writer without timestamp, or without writer
)

// index is a history in numbers: keys instead of strings, writers instead of
// values, ranks instead of timestamps.
type index struct {
	ops      []Op
	keys     []string
	reads    [][]read // by op, ascending keys; none of an unknown outcome, nor of what the op wrote itself
	writes   [][]write
	versions [][]version     // by key, ascending rank: of the writers that happened and have a timestamp
	returned []time.Duration // by op; never if the outcome is unknown
	seenAt   []time.Duration // by op: when the first read that shows it returned; never
}

// read says whose version was read. Its rank is its place among the versions of the key, from 1; 0 is nothing there.
type read struct {
	key, writer, rank int
	value             int64
}

type write struct {
	key, rank int
	value     int64
}

// version is one value of a key. Equal timestamps have equal ranks.
type version struct {
	op, rank int
	value    int64
}

func newIndex(ops []Op) *index {
	n := len(ops)
	x := &index{ops: ops, reads: make([][]read, n), writes: make([][]write, n), returned: make([]time.Duration, n), seenAt: make([]time.Duration, n)}
	ids := x.nameKeys()
	for i, op := range ops {
		x.returned[i], x.seenAt[i] = never, never
		if op.known() {
			x.returned[i] = max(op.Returned, op.Invoked)
		}
		for key, value := range op.Writes {
			x.writes[i] = append(x.writes[i], write{key: ids[key], rank: unplaced, value: value})
		}
		slices.SortFunc(x.writes[i], func(a, b write) int { return cmp.Compare(a.key, b.key) })
	}
	x.resolveReads(ids)
	x.placeVersions()
	return x
}

// nameKeys numbers the keys in their own order, so that results do not depend on that of maps.
func (x *index) nameKeys() map[string]int {
	ids := map[string]int{}
	for _, op := range x.ops {
		for key := range op.Writes {
			ids[key] = 0
		}
		for key := range op.Reads {
			ids[key] = 0
		}
	}
	x.keys = slices.Sorted(maps.Keys(ids))
	for i, key := range x.keys {
		ids[key] = i
	}
	return ids
}

// resolveReads finds the writer of each value read, the first if there are several, and when each writer was first seen.
func (x *index) resolveReads(ids map[string]int) {
	type written struct {
		key   int
		value int64
	}
	writers := map[written]int{}
	for i, ws := range x.writes {
		for _, w := range ws {
			if _, twice := writers[written{w.key, w.value}]; !twice {
				writers[written{w.key, w.value}] = i
			}
		}
	}
	for i, op := range x.ops {
		if !op.known() {
			continue
		}
		for key, value := range op.Reads {
			r := read{key: ids[key], writer: nothing, value: value}
			if value != 0 {
				w, ok := writers[written{r.key, value}]
				switch {
				case !ok:
					r.writer = nobody
				case w == i:
					continue
				default:
					r.writer = w
					x.seenAt[w] = min(x.seenAt[w], max(x.returned[i], x.ops[w].Invoked))
				}
			}
			x.reads[i] = append(x.reads[i], r)
		}
		slices.SortFunc(x.reads[i], func(a, b read) int { return cmp.Compare(a.key, b.key) })
	}
}

// placeVersions orders the versions of each key and tells reads and writes their ranks.
func (x *index) placeVersions() {
	x.versions = make([][]version, len(x.keys))
	for i, ws := range x.writes {
		for _, w := range ws {
			if x.happened(i) && !x.ops[i].TS.IsZero() {
				x.versions[w.key] = append(x.versions[w.key], version{op: i, value: w.value})
			}
		}
	}
	for key, vs := range x.versions {
		slices.SortStableFunc(vs, func(a, b version) int { return x.ops[a.op].TS.Compare(x.ops[b.op].TS) })
		for i := range vs {
			switch {
			case i > 0 && x.ops[vs[i-1].op].TS == x.ops[vs[i].op].TS:
				vs[i].rank = vs[i-1].rank
			default:
				vs[i].rank = i + 1
			}
			x.write(vs[i].op, key).rank = vs[i].rank
		}
	}
	for i := range x.reads {
		for j := range x.reads[i] {
			r := &x.reads[i][j]
			switch {
			case r.writer == nobody:
				r.rank = unplaced
			case r.writer >= 0:
				r.rank = x.write(r.writer, r.key).rank
			}
		}
	}
}

// write returns what op wrote to key; it did.
func (x *index) write(op, key int) *write {
	ws := x.writes[op]
	return &ws[sort.Search(len(ws), func(i int) bool { return ws[i].key >= key })]
}

// knownAt is from when on everybody must know of the writer op: it returned, or a read that showed it did.
func (x *index) knownAt(op int) time.Duration { return min(x.returned[op], x.seenAt[op]) }

// happened reports whether the history shows that op did.
func (x *index) happened(op int) bool { return x.knownAt(op) != never }

// above returns the first of the versions of key with a rank above it.
func (x *index) above(key, rank int) int {
	vs := x.versions[key]
	return sort.Search(len(vs), func(i int) bool { return vs[i].rank > rank })
}

// upTo returns how many versions key has at and below ts.
func (x *index) upTo(key int, ts hlc.Timestamp) int {
	vs := x.versions[key]
	return sort.Search(len(vs), func(i int) bool { return x.ops[vs[i].op].TS.After(ts) })
}

// sortedBy returns those of n ops for which at is not never, ascending.
func sortedBy(n int, at func(op int) time.Duration) (order []int) {
	type moment struct {
		at time.Duration
		op int
	}
	var moments []moment
	for op := range n {
		if when := at(op); when != never {
			moments = append(moments, moment{when, op})
		}
	}
	slices.SortFunc(moments, func(a, b moment) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.op, b.op)) })
	for _, m := range moments {
		order = append(order, m.op)
	}
	return order
}
