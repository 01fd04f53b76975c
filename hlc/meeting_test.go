package hlc

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClock_FastAndSlowWaysMeet: one goroutine takes the fast way all the time, since physical time advances at each of its
// readings, and another the slow one. A compare-and-swap of the slow one then fails often, and if it does not notice it hands out
// what the clock has not recorded: others may get the same, or a lower one, later.
//
// That a swap is tried again shows only if two cores are free: such a mutant dies nearly always, and on a busy machine not always, so it is
// not in the table of mutants. What needs no chance is in TestClock_ReplaceOnlyWhatIsThere.
func TestClock_FastAndSlowWaysMeet(t *testing.T) {
	const ahead = 1_000 // ten readings
	var physical, jump atomic.Int64
	for name, slow := range map[string]func(c *Clock, remote Timestamp) (Timestamp, error){
		"Update":      (*Clock).Update,
		"ForceUpdate": (*Clock).ForceUpdate,
		"Observe":     func(c *Clock, remote Timestamp) (Timestamp, error) { return remote, c.Observe(remote) },
		"NowN": func(c *Clock, _ Timestamp) (Timestamp, error) {
			jump.Store(ahead) // its physical time is ahead, and then goes back
			defer jump.Store(0)
			b, err := c.NowN(3)
			return b.Last(), err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(Options{Physical: func() int64 { return physical.Add(100) + jump.Load() }, MaxLead: Unlimited})
			require.NoError(t, err)
			var ended atomic.Bool
			var work sync.WaitGroup
			work.Go(func() {
				for last := c.Now(); !ended.Load(); {
					ts := c.Now()
					if !ts.After(last) || c.Peek().Before(ts) {
						t.Errorf("Now: %v after %v, recorded %v", ts, last, c.Peek())
						return
					}
					last = ts
				}
			})
			end := time.Now().Add(1500 * time.Millisecond) // for a machine that has one core to spare, where they hardly meet
			met := 0
			for i := uint32(0); met < 3_000 && (i%64 != 0 || time.Now().Before(end)); i++ {
				for c.state.Load()&slowBit != 0 && !t.Failed() { // until the other is on its fast way again, and so at work
					runtime.Gosched()
				}
				before, reading := c.Peek(), physical.Load()
				// With a logical part and without are two ways to record it.
				ts, err := slow(c, Timestamp{reading + ahead, i % 2})
				if physical.Load() > reading+100 {
					met++ // the other read the clock meanwhile
				}
				if recorded := c.Peek(); err != nil || recorded.Before(ts) || name != "Observe" && !ts.After(before) {
					t.Errorf("%v after %v, recorded %v, %v", ts, before, recorded, err)
					break
				}
			}
			ended.Store(true)
			work.Wait()
			t.Logf("they met %d times", met)
		})
	}
}

// TestClock_ReplaceOnlyWhatIsThere: the same without chance. What was recorded since the state was read stays.
func TestClock_ReplaceOnlyWhatIsThere(t *testing.T) {
	for _, now := range []Timestamp{{20, 0}, {20, 3}} {
		for _, late := range []Timestamp{{15, 0}, {15, 2}, {30, 0}, {30, 2}} {
			s := &script{now: 10}
			c := newClock(t, s, Unlimited)
			c.Now()
			read := c.state.Load()
			require.NoError(t, c.Observe(now))
			c.slow.Lock()
			require.False(t, c.replace(read, late))
			c.slow.Unlock()
			require.Equal(t, now, c.Peek())
		}
	}
}

// TestClock_PeekWaitsForTheLogicalPart: somebody has published the wall time and not yet its logical part. Whoever
// asks in between waits for it.
func TestClock_PeekWaitsForTheLogicalPart(t *testing.T) {
	s := &script{now: 10}
	c := newClock(t, s, Unlimited)
	require.NoError(t, c.Observe(Timestamp{20, 7}))
	c.slow.Lock()
	c.state.Store(pack(30, slowBit))
	asking, seen := make(chan struct{}), make(chan Timestamp, 1)
	go func() {
		close(asking)
		seen <- c.Peek()
	}()
	<-asking
	select {
	case half := <-seen:
		t.Errorf("%v was never a timestamp", half)
	case <-time.After(50 * time.Millisecond): // a right clock never takes the other way
		c.logical = 3
		c.slow.Unlock()
		require.Equal(t, Timestamp{30, 3}, <-seen)
	}
}
