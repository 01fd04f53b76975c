package hlc

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The figures are ratios against time.Now in the same run:
//
//	go test -run '^$' -bench 'Clock' -cpu 1,2 ./hlc

// ratio reports the median cost of a call, and its ratio to that of time.Now. Both take turns of some
// microseconds, so that whatever else the machine does falls on a few turns, or on both alike. (ns/op is of both together.)
func ratio(b *testing.B, call func()) {
	b.Helper()
	const turn = 2_000
	var floor, ours []float64
	b.ReportAllocs()
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		floor = append(floor, cost(n, func() { _ = time.Now() }))
		ours = append(ours, cost(n, call))
	}
	b.ReportMetric(median(ours), "ns/call")
	b.ReportMetric(median(ours)/median(floor), "×time.Now")
}

func cost(n int, call func()) float64 {
	began := time.Now()
	for range n {
		call()
	}
	return float64(time.Since(began)) / float64(n)
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

func systemClock(b *testing.B) *Clock {
	wall, err := NewWallClock(WallOptions{Anchor: EveryReading})
	require.NoError(b, err)
	c, err := New(Options{Wall: wall})
	require.NoError(b, err)
	return c
}

func anchoredClock(b *testing.B) *Clock {
	c, err := New(Options{})
	require.NoError(b, err)
	return c
}

func BenchmarkClockNow(b *testing.B) {
	b.Run("anchored", func(b *testing.B) { c := anchoredClock(b); ratio(b, func() { c.Now() }) })
	b.Run("system", func(b *testing.B) { c := systemClock(b); ratio(b, func() { c.Now() }) })
	b.Run("kudu", func(b *testing.B) {
		c, err := New(Options{Layout: Kudu()})
		require.NoError(b, err)
		ratio(b, func() { c.Now() })
	})
}

// BenchmarkClockNowN is a batch of 100.
func BenchmarkClockNowN(b *testing.B) {
	c := anchoredClock(b)
	ratio(b, func() { _, _ = c.NowN(100) })
}

// BenchmarkClockExchange is a message: Now at one clock, the checked Update at another.
func BenchmarkClockExchange(b *testing.B) {
	from, to := anchoredClock(b), anchoredClock(b)
	ratio(b, func() { _, _ = to.Update(from.Now()) })
}

func BenchmarkClockUpdateFrom(b *testing.B) {
	from, to := anchoredClock(b), anchoredClock(b)
	ratio(b, func() { _, _ = to.UpdateFrom("node-a", from.Now()) })
}

func BenchmarkClockObserveStale(b *testing.B) {
	c := anchoredClock(b)
	remote := c.Now()
	remote.WallTime--
	ratio(b, func() { _ = c.Observe(remote) })
}

// BenchmarkClockContended has all processors stamp by one clock. Its figure is against the same
// calls by one goroutine: -cpu 2 should not be above 1.2.
func BenchmarkClockContended(b *testing.B) {
	for name, clock := range map[string]func(*testing.B) *Clock{"anchored": anchoredClock, "system": systemClock} {
		b.Run(name, func(b *testing.B) {
			c := clock(b)
			began := time.Now()
			for range b.N {
				c.Now()
			}
			alone := time.Since(began)
			b.ResetTimer()
			var started sync.WaitGroup
			b.RunParallel(func(pb *testing.PB) {
				started.Add(1)
				defer started.Done()
				for pb.Next() {
					c.Now()
				}
			})
			b.ReportMetric(float64(b.Elapsed())/float64(alone), "×alone")
		})
	}
}
