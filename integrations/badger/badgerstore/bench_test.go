package badgerstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"
)

// engine is Badger with synced writes and its own detection of conflicts: what a commit costs without any of this.
func engine(b *testing.B) (commit func(key string) error) {
	db, err := badger.OpenManaged(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithLogger(nil))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, db.Close()) })
	var version atomic.Uint64
	version.Store(uint64(time.Now().UnixMicro()) << 12)
	return func(key string) error {
		at := version.Add(1)
		txn := db.NewTransactionAt(at-1, true)
		defer txn.Discard()
		if err := txn.Set([]byte(key), []byte("value")); err != nil {
			return err
		}
		return txn.CommitAt(at, nil)
	}
}

// store is the same through a Store.
func store(b *testing.B) (commit func(key string) error) {
	s := opened(b, b.TempDir(), 0, Options{})
	ctx := context.WithoutCancel(b.Context())
	return func(key string) error { _, err := s.Update(ctx, set(key, "value")); return err }
}

// rate has as many committers at once commit n times in all, and returns how many commits a second that makes.
func rate(b *testing.B, commit func(key string) error, committers, n int) float64 {
	var left atomic.Int64
	left.Store(int64(n))
	began, done := time.Now(), make(chan error)
	for range committers {
		go func() {
			var err error
			for key := fmt.Sprint("key-", rand.Uint64()); err == nil && left.Add(-1) >= 0; {
				err = commit(key)
			}
			done <- err
		}()
	}
	for range committers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

// BenchmarkCommits is 256 committers at once with synced writes and ε = 2 ms, beside the same engine without the wait, in turns in one run. At best
// they make as many commits as the engine does, or 256 / (2ε + 0.4 ms) a second: waits overlap, and queue for nothing.
//
//	go test -run '^$' -bench 'Commits$' -benchtime 20000x ./badgerstore
func BenchmarkCommits(b *testing.B) {
	const committers, turns = 256, 4
	bare, waiting := engine(b), store(b)
	b.ResetTimer()
	without, with := 0.0, 0.0
	for range turns {
		without += rate(b, bare, committers, max(1, b.N/turns)) / turns
		with += rate(b, waiting, committers, max(1, b.N/turns)) / turns
	}
	possible := min(without, committers/(2*ε+400*time.Microsecond).Seconds())
	b.ReportMetric(without, "engine/s")
	b.ReportMetric(with, "commits/s")
	b.ReportMetric(with/possible, "of_possible")
}

// BenchmarkLoneCommitter is the median of one committer's latency, beside 2ε, for which it must wait, and beside the engine.
//
//	go test -run '^$' -bench Lone -benchtime 500x ./badgerstore
func BenchmarkLoneCommitter(b *testing.B) {
	bare, waiting := engine(b), store(b)
	median := func(commit func(key string) error) time.Duration {
		var took []time.Duration
		for range b.N {
			began := time.Now()
			if err := commit("key"); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	b.ResetTimer()
	without, with := median(bare), median(waiting)
	b.ReportMetric(float64(without)/float64(time.Microsecond), "engine_p50_µs")
	b.ReportMetric(float64(with)/float64(time.Microsecond), "p50_µs")
	b.ReportMetric(float64(with)/float64(2*ε), "p50/2ε")
}
