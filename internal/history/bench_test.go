package history

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// large is a valid history of n transactions of 20 clients over 200 keys.
func large(n int) []Op {
	w := &world{r: rand.New(rand.NewPCG(1, 1)), clients: 20, keys: 200, ε: 40, versions: map[string][]valueAt{}}
	return w.run(n)
}

// BenchmarkAll: 100 times the transactions may take a few hundred times as long; n log n, caches, and each sixteenth writer of unknown timestamp
// against the readers of its keys. Every transaction against every other would be 10 000 times.
func BenchmarkAll(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		ops := large(n)
		b.Run(fmt.Sprintf("%d", n), func(b *testing.B) {
			for b.Loop() {
				if found := All(ops); len(found) > 0 {
					b.Fatal(found[0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/txn")
		})
	}
}

// BenchmarkBroken: the same when a tenth of all timestamps and reads are wrong.
func BenchmarkBroken(b *testing.B) {
	ops := large(100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for range len(ops) / 10 {
		breakages[r.IntN(len(breakages))].do(r, ops)
	}
	b.ResetTimer()
	for b.Loop() {
		All(ops)
	}
}

// BenchmarkLongFork_WideReads: the one check that is quadratic, in the number of keys of a read: a bank whose total is read.
func BenchmarkLongFork_WideReads(b *testing.B) {
	for _, keys := range []int{10, 100} {
		var ops []Op
		state := map[string]int64{}
		for i := range 10_000 {
			at := time.Duration(10 * i)
			key := fmt.Sprint("account", i%keys)
			state[key] = int64(i + 1)
			op := Op{Client: i % 10, Invoked: at, Returned: at + 5, TS: stamp(at)}
			if i%2 == 0 {
				op.Writes = map[string]int64{key: state[key]}
			} else {
				delete(state, key)
				op.Reads = map[string]int64{}
				for k, v := range state {
					op.Reads[k] = v
				}
			}
			ops = append(ops, op)
		}
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			for b.Loop() {
				if found := LongFork(ops); len(found) > 0 {
					b.Fatal(found[0])
				}
			}
		})
	}
}
