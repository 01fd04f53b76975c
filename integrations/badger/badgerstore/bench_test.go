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
// they make as many commits as the engine does, or 256 / (2ε + 0.4 ms) a second: waits overlap, and queue for nothing. What
// is told are medians of the turns; each is compared with the engine's before and after it, since a disk that others use has moods.
// engine/engine is how much of the difference is these.
//
//	go test -run '^$' -bench 'Commits$' -benchtime 40000x ./badgerstore
func BenchmarkCommits(b *testing.B) {
	const committers, turns = 256, 10
	bare, waiting := engine(b), store(b)
	n := max(1, b.N/turns)
	b.ResetTimer()
	var engines, commits, shares, noise []float64
	before := rate(b, bare, committers, n)
	for range turns {
		with := rate(b, waiting, committers, n)
		after := rate(b, bare, committers, n)
		possible := min((before+after)/2, committers/(2*ε+400*time.Microsecond).Seconds())
		engines, commits = append(engines, before), append(commits, with)
		shares, noise = append(shares, with/possible), append(noise, after/before)
		before = after
	}
	b.ReportMetric(median(engines), "engine/s")
	b.ReportMetric(median(commits), "commits/s")
	b.ReportMetric(median(shares), "of_possible")
	b.ReportMetric(median(noise), "engine/engine")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkLoneCommitter is the median of one committer's latency, beside 2ε, for which it must wait, and beside the engine.
//
//	go test -run '^$' -bench Lone -benchtime 500x ./badgerstore
func BenchmarkLoneCommitter(b *testing.B) {
	bare, waiting := engine(b), store(b)
	half := func(commit func(key string) error) float64 {
		var took []float64
		for range b.N {
			began := time.Now()
			if err := commit("key"); err != nil {
				b.Fatal(err)
			}
			took = append(took, float64(time.Since(began)))
		}
		return median(took)
	}
	b.ResetTimer()
	without, with := half(bare), half(waiting)
	b.ReportMetric(without/1e3, "engine_p50_µs")
	b.ReportMetric(with/1e3, "p50_µs")
	b.ReportMetric(with/float64(2*ε), "p50/2ε")
}
