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
