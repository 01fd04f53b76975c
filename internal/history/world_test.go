package history

import (
	"flag"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

var seed = flag.Uint64("history.seed", 0, "0: of the time")

func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -history.seed=%d", s)
	return rand.New(rand.NewPCG(s, 1))
}

// world is a store that does everything right, one step after the other: each transaction has a moment within its interval at which its
// timestamp is taken, from a clock that is ahead of true time by up to ε; nobody sees a write before its timestamp has passed, and
// nothing is written at or below a timestamp that was read.
type world struct {
	r                     *rand.Rand
	clients, keys, values int
	ε                     time.Duration
	free                  []time.Duration      // when each client can do the next thing
	last                  time.Duration        // highest timestamp assigned or read
	visible               time.Duration        // when all writes so far are
	versions              map[string][]valueAt // ascending timestamps
}

// valueAt is a version.
type valueAt struct {
	at    time.Duration
	value int64
}

// draw returns a valid history of n transactions. Every op of it passes every check.
func draw(r *rand.Rand, n int) []Op {
	w := &world{r: r, clients: 1 + r.IntN(5), keys: 1 + r.IntN(4), ε: 1 + time.Duration(r.IntN(40)), versions: map[string][]valueAt{}}
	return w.run(n)
}

func (w *world) run(n int) (ops []Op) {
	w.free = make([]time.Duration, w.clients)
	at := time.Duration(0)
	for range n {
		// The moments of assigning ascend; which client is free at the next decides who it is.
		client := w.r.IntN(w.clients)
		at = max(at+time.Duration(w.r.IntN(20)), w.free[client]+1)
		invoked := max(w.free[client], at-time.Duration(w.r.IntN(30))) + 1
		invoked = min(invoked, at)
		op := w.step(client, invoked, at)
		w.free[client] = max(op.Returned, at)
		ops = append(ops, op)
	}
	w.r.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	return ops
}

func stamp(d time.Duration) hlc.Timestamp { return hlc.Timestamp{WallTime: int64(d) + 1} }

func (w *world) step(client int, invoked, at time.Duration) Op {
	op := Op{Client: client, Invoked: invoked, Reads: map[string]int64{}, Writes: map[string]int64{}}
	ts := at + time.Duration(w.r.Int64N(int64(w.ε)+1))
	snapshot := w.r.IntN(2) == 0
	if !snapshot {
		ts = max(ts, w.last+1)
	}
	w.last = max(w.last, ts)
	for range 1 + w.r.IntN(min(w.keys, 4)) {
		key := w.key()
		op.Reads[key] = w.read(key, ts)
	}
	if snapshot { // at a timestamp that others may have passed already
		op.TS = stamp(ts)
		op.Returned = max(at, w.visible) + time.Duration(w.r.IntN(10))
		return op
	}
	if w.r.IntN(2) == 0 {
		clear(op.Reads)
	}
	for range 1 + w.r.IntN(min(w.keys, 4)) {
		w.values++
		op.Writes[w.key()] = int64(w.values)
	}
	op.TS = stamp(ts)
	op.Returned = max(ts+1, w.visible) + time.Duration(w.r.IntN(10))
	if w.r.IntN(8) == 0 { // nobody knows
		op.Returned = -1
		if w.r.IntN(2) == 0 {
			op.TS = hlc.Timestamp{}
		}
		if w.r.IntN(2) == 0 {
			return op
		}
	}
	w.visible = max(w.visible, ts+1)
	for key, value := range op.Writes {
		w.versions[key] = append(w.versions[key], valueAt{ts, value})
	}
	return op
}

func (w *world) key() string { return "k" + strconv.Itoa(w.r.IntN(w.keys)) }

// read returns the value of key at ts.
func (w *world) read(key string, ts time.Duration) int64 {
	for _, v := range slices.Backward(w.versions[key]) {
		if v.at <= ts {
			return v.value
		}
	}
	return 0
}

// breakage is one thing that goes wrong, somewhere in the history.
type breakage struct {
	name string
	do   func(r *rand.Rand, ops []Op)
}

var breakages = []breakage{
	{"two timestamps swapped", func(r *rand.Rand, ops []Op) {
		i, j := r.IntN(len(ops)), r.IntN(len(ops))
		ops[i].TS, ops[j].TS = ops[j].TS, ops[i].TS
	}},
	{"two timestamps equal", func(r *rand.Rand, ops []Op) { ops[r.IntN(len(ops))].TS = ops[r.IntN(len(ops))].TS }},
	{"a write dropped from a read", func(r *rand.Rand, ops []Op) {
		op := &ops[r.IntN(len(ops))]
		if key, ok := someKey(r, op.Reads); ok {
			op.Reads[key] = 0
		}
	}},
	{"a read shows what another has seen", func(r *rand.Rand, ops []Op) {
		to, from := &ops[r.IntN(len(ops))], ops[r.IntN(len(ops))]
		if key, ok := someKey(r, from.Reads); ok {
			to.Reads[key] = from.Reads[key]
		}
	}},
	{"a read shows some write", func(r *rand.Rand, ops []Op) {
		to, from := &ops[r.IntN(len(ops))], ops[r.IntN(len(ops))]
		if key, ok := someKey(r, from.Writes); ok {
			to.Reads[key] = from.Writes[key]
		}
	}},
	{"one is delayed", func(r *rand.Rand, ops []Op) {
		op, by := &ops[r.IntN(len(ops))], time.Duration(r.IntN(200))
		op.Invoked += by
		if op.Returned >= 0 {
			op.Returned += by
		}
	}},
	{"one returns at once", func(r *rand.Rand, ops []Op) { op := &ops[r.IntN(len(ops))]; op.Returned = op.Invoked + 1 }},
	{"a timestamp is late or early", func(r *rand.Rand, ops []Op) { ops[r.IntN(len(ops))].TS.WallTime += r.Int64N(101) - 50 }},
	{"a timestamp is lost", func(r *rand.Rand, ops []Op) { ops[r.IntN(len(ops))].TS = hlc.Timestamp{} }},
	{"an outcome is lost", func(r *rand.Rand, ops []Op) { ops[r.IntN(len(ops))].Returned = -1 }},
	{"two clients are one", func(r *rand.Rand, ops []Op) { ops[r.IntN(len(ops))].Client = ops[r.IntN(len(ops))].Client }},
	{"a value comes twice, or from nowhere", func(r *rand.Rand, ops []Op) {
		op := &ops[r.IntN(len(ops))]
		if key, ok := someKey(r, op.Writes); ok {
			op.Writes[key] = r.Int64N(5)
		}
	}},
}

func someKey(r *rand.Rand, m map[string]int64) (string, bool) {
	keys := slices.Sorted(maps.Keys(m))
	if len(keys) == 0 {
		return "", false
	}
	return keys[r.IntN(len(keys))], true
}
