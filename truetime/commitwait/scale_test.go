package commitwait

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// raced says that the race detector is on.
var raced bool

// counting counts how often the local clock is read.
type counting struct {
	truetime.LocalClock
	reads atomic.Int64
}

func (c *counting) Read() (truetime.Reading, error) {
	c.reads.Add(1)
	return c.LocalClock.Read()
}

// TestCommit_AHundredThousandAtOnce: each costs its goroutine and three looks at the clock (at the assignment,
// before it sleeps, and after it), whatever the number. Nothing polls, and all are over within 2ε and a 64th.
func TestCommit_AHundredThousandAtOnce(t *testing.T) {
	commits := 100_000
	if raced {
		commits = 5_000 // the detector has room for 8128 goroutines
	}
	synctest.Test(t, func(t *testing.T) {
		local := &counting{LocalClock: truetimetest.NewVirtual(0)}
		n := node{clock: truetime.New(local, truetime.Options{})}
		r, err := local.Read()
		require.NoError(t, err)
		require.NoError(t, n.clock.Update(truetimetest.Around(r, time.Now().UnixNano(), ε, 0), nil))
		c, err := New(n.clock, nil, Options{})
		require.NoError(t, err)

		began, goroutines := time.Now(), runtime.NumGoroutine()
		local.reads.Store(0)
		var work sync.WaitGroup
		for i := range commits {
			if i%1000 == 0 {
				time.Sleep(time.Microsecond) // they do not come all at once
			}
			work.Go(func() {
				if _, err := c.Commit(t.Context(), nothing); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		require.Equal(t, commits, c.Stats().InFlight)
		require.LessOrEqual(t, runtime.NumGoroutine()-goroutines, commits)
		work.Wait()
		require.LessOrEqual(t, local.reads.Load(), int64(3*commits))
		require.LessOrEqual(t, time.Since(began), 2*ε+2*ε/64+200*time.Microsecond)
		require.Zero(t, c.Stats().InFlight)
	})
}

// TestRun_ADeadlineAndALateAlarm: more than 64 wait, so an alarm may be late; who gives up meanwhile looks at the clock once more.
func TestRun_ADeadlineAndALateAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		for range 70 { // others, at moments of their own
			time.Sleep(time.Microsecond)
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			go func() { _ = p.Run(t.Context(), nothing) }()
			synctest.Wait()
		}
		time.Sleep(3*time.Microsecond + 7)
		ctx, cancel := context.WithTimeout(t.Context(), 2*ε+10*time.Microsecond)
		defer cancel()
		p, err := n.committer.Assign(ctx)
		require.NoError(t, err)
		err = p.Run(ctx, nothing)
		passed, _ := n.clock.After(p.TS().Time())
		require.True(t, passed)
		require.NoError(t, err, "it has passed")
	})
}
