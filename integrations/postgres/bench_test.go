package main

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkTransfers is 16 clients. With ε = 0 there is nothing to wait for, and all else is the same. At best they
// make 16 / (2ε + what a transfer takes) a second, as the waits are side by side; on one account, whose lock is held for that
// long, 1 / (2ε + …).
func BenchmarkTransfers(b *testing.B) {
	const clients, accounts = 16, 1000
	for _, load := range []struct {
		name string
		pick func() (from, to int64)
	}{
		{"within a shard", func() (int64, int64) { from := 2 * rand.Int64N(accounts/2); return from, (from + 2) % accounts }},
		{"across", func() (int64, int64) { from := rand.Int64N(accounts); return from, (from + 1) % accounts }},
		{"one account", func() (int64, int64) { return 0, 2 + 2*rand.Int64N(accounts/2-1) }},
	} {
		for _, ε := range []time.Duration{0, 2 * time.Millisecond} {
			b.Run(load.name+"/eps="+ε.String(), func(b *testing.B) {
				bank := opened(b, ε)
				all := make([]int64, accounts)
				for i := range all {
					all[i] = int64(i)
				}
				holding(b, bank, all...)
				var mu sync.Mutex
				var took []time.Duration
				b.SetParallelism(clients / 2)
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						from, to := load.pick()
						began := time.Now()
						if _, err := bank.Transfer(b.Context(), from, to, 0); err != nil {
							b.Error(err)
						}
						mu.Lock()
						took = append(took, time.Since(began))
						mu.Unlock()
					}
				})
				b.StopTimer()
				slices.Sort(took)
				require.NotEmpty(b, took)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transfers/s")
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}
