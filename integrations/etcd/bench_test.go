package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPut is many clients at once, with and without the commit wait: what it adds to the latency is what of 2ε is left
// when the commit is replicated.
func BenchmarkPut(b *testing.B) {
	for _, ε := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond} {
		for name, broken := range map[string]Broken{"with commit wait": {}, "replication alone": {Wait: true}} {
			b.Run(fmt.Sprintf("ε=%v/%s", ε, name), func(b *testing.B) {
				o := owns(b, leaning(b, 0, ε), fmt.Sprint(b.Name(), rand.Uint64()), Options{Broken: broken})
				var latency atomic.Int64
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					key := fmt.Sprint("key-", rand.Uint64())
					for pb.Next() {
						began := time.Now()
						if _, err := o.Put(b.Context(), map[string]string{key: "value"}); err != nil {
							b.Error(err)
							return
						}
						latency.Add(int64(time.Since(began)))
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
				b.ReportMetric(float64(latency.Load())/float64(b.N)/1e6, "ms/commit")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
