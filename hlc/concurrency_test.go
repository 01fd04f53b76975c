package hlc

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock_ManyGoroutines: every result is unique, each goroutine sees its own
// rise, and whatever was finished before an event began is below it. A coarse
// physical clock makes both paths meet.
func TestClock_ManyGoroutines(t *testing.T) {
	began := time.Now()
	coarse := func() int64 { return int64(time.Since(began)) / 2000 }
	c, err := New(Options{Physical: coarse, MaxLead: Unlimited})
	require.NoError(t, err)

	const goroutines, each = 8, 20_000
	var finished atomic.Pointer[Timestamp] // some event that is over
	finished.Store(&Timestamp{})
	results := make([][]Timestamp, goroutines)
	var work sync.WaitGroup
	for g := range goroutines {
		work.Go(func() {
			for i := range each {
				before := *finished.Load()
				var ts Timestamp
				switch {
				case i%7 == 3:
					remote := Timestamp{before.WallTime + int64(i%3), uint32(i % 5)}
					if remote.IsZero() {
						continue
					}
					ts, err := c.Update(remote)
					if err != nil || !ts.After(remote) {
						t.Errorf("Update(%v) = %v, %v", remote, ts, err)
					}
					results[g] = append(results[g], ts)
					continue
				case i%11 == 5:
					if peek := c.Peek(); peek.Before(before) {
						t.Errorf("Peek went back: %v after %v", peek, before)
					}
					continue
				case i%13 == 7 && !before.IsZero():
					if err := c.Observe(before); err != nil {
						t.Errorf("Observe(%v): %v", before, err)
					}
					continue
				}
				ts = c.Now()
				if !ts.After(before) {
					t.Errorf("%v was over before %v began", before, ts)
				}
				results[g] = append(results[g], ts)
				finished.Store(&ts)
			}
		})
	}
	work.Wait()
	var all []Timestamp
	for _, r := range results {
		require.True(t, slices.IsSortedFunc(r, Timestamp.Compare))
		all = append(all, r...)
	}
	slices.SortFunc(all, Timestamp.Compare)
	require.Len(t, slices.Compact(all), len(all), "every timestamp was issued once")
	require.Equal(t, all[len(all)-1], c.Peek())
}

// TestClock_BatchesAndLayoutsOfManyGoroutines: batches, single timestamps and receipts by many goroutines over a coarse clock never
// share a timestamp, and all pack into different numbers.
func TestClock_BatchesAndLayoutsOfManyGoroutines(t *testing.T) {
	began := time.Now()
	for name, o := range map[string]Options{
		"no layout":      {MaxLead: Unlimited, MaxLogical: 7},
		"kudu":           {MaxLead: Unlimited, Layout: Kudu()},
		"the real clock": {MaxLead: Unlimited},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "the real clock" {
				o.Physical = func() int64 { return int64(time.Since(began)) / 5000 * 1000 }
			}
			c, err := New(o)
			require.NoError(t, err)
			const goroutines, each = 8, 4_000
			results := make([][]Timestamp, goroutines)
			var work sync.WaitGroup
			for g := range goroutines {
				work.Go(func() {
					for i := range each {
						switch i % 4 {
						case 0:
							b, err := c.NowN(1 + i%8)
							if err != nil {
								t.Error(err)
							}
							results[g] = slices.AppendSeq(results[g], b.All())
						case 1:
							remote := c.Peek()
							ts, err := c.Update(remote)
							if err != nil || !ts.After(remote) {
								t.Errorf("Update(%v) = %v, %v", remote, ts, err)
							}
							results[g] = append(results[g], ts)
						default:
							results[g] = append(results[g], c.Now())
						}
					}
				})
			}
			work.Wait()
			seen := map[Timestamp]bool{}
			packed := map[uint64]bool{}
			n := 0
			for _, r := range results {
				require.True(t, slices.IsSortedFunc(r, Timestamp.Compare))
				for _, ts := range r {
					n++
					seen[ts] = true
					if o.Layout != (Layout{}) {
						p, err := o.Layout.Pack(ts)
						require.NoError(t, err)
						packed[p] = true
					}
				}
			}
			require.Len(t, seen, n)
			if o.Layout != (Layout{}) {
				require.Len(t, packed, n)
			}
		})
	}
}

// TestClock_PeekShowsNoHalfTimestamp: while the clock goes from wall time to wall time, by timestamps with a logical part only, nobody sees
// a wall time without its logical part, or with that of another.
func TestClock_PeekShowsNoHalfTimestamp(t *testing.T) {
	c, err := New(Options{Physical: func() int64 { return 0 }, MaxLead: Unlimited})
	require.NoError(t, err)
	logical := func(wall int64) uint32 { return uint32(1 + wall%1000) }
	require.NoError(t, c.Observe(Timestamp{1, logical(1)}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for wall := int64(2); wall < 100_000; wall++ {
			if err := c.Observe(Timestamp{wall, logical(wall)}); err != nil {
				t.Error(err)
			}
		}
	}()
	for last := (Timestamp{}); ; {
		peek := c.Peek()
		require.Equal(t, logical(peek.WallTime), peek.Logical, peek)
		require.False(t, peek.Before(last))
		last = peek
		select {
		case <-ended:
			return
		default:
		}
	}
}
