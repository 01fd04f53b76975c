package commitwait

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// replicate takes d, as a round of a consensus would.
func replicate(d time.Duration) func(context.Context, hlc.Timestamp) error {
	return func(ctx context.Context, _ hlc.Timestamp) error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return NotApplied(context.Cause(ctx)) // this replication can take back what it sent
		}
	}
}

// TestRun_WaitAndReplicationOverlap: what is waited for is the longer of both, to the nanosecond.
func TestRun_WaitAndReplicationOverlap(t *testing.T) {
	for _, replication := range []time.Duration{0, ε, 2 * ε, 3 * ε} {
		synctest.Test(t, func(t *testing.T) {
			var report CommitStats
			n := newNode(t, 0, Options{OnCommit: func(s CommitStats) { report = s }})
			began := time.Now()
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			require.Equal(t, Assigned, p.State())
			require.NoError(t, p.Run(t.Context(), replicate(replication)))
			require.Equal(t, Visible, p.State())
			wait := 2*ε + 1
			require.Equal(t, max(replication, wait), time.Since(began))
			require.Equal(t, CommitStats{
				TS: p.TS(), Uncertainty: ε, Predicted: wait, Waited: max(0, wait-replication), Took: time.Since(began),
			}, report)
			require.Equal(t, min(replication, wait), report.OverlapSaved())
			require.Equal(t, p.TS(), n.committer.SafeTime())
			require.Equal(t, p.TS(), n.events.Peek())
		})
	}
}

// TestRun_NobodySeesItBeforeItHasPassed though it is in the store at once: a snapshot waits, and one below does not.
func TestRun_NobodySeesItBeforeItHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, ε, Options{})
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		var stored atomic.Bool
		var work sync.WaitGroup
		work.Go(func() {
			require.NoError(t, p.Run(t.Context(), func(context.Context, hlc.Timestamp) error { stored.Store(true); return nil }))
		})
		synctest.Wait()
		require.True(t, stored.Load())
		require.Equal(t, Durable, p.State())
		require.Equal(t, before(p.TS(), hlc.Layout{}), n.committer.SafeTime())
		require.True(t, n.events.Peek().Before(p.TS()), "no message carries a time that is ahead")

		began := time.Now()
		_, err = n.committer.Snapshot(t.Context(), At(before(p.TS(), hlc.Layout{})))
		require.NoError(t, err)
		require.Zero(t, time.Since(began))
		read, err := n.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		require.Equal(t, Visible, p.State())
		require.False(t, read.Before(p.TS()))
		require.Less(t, p.TS().WallTime, time.Now().UnixNano(), "in true time")
		work.Wait()
	})
}

// TestRun_Cancelled at each step: before the data is durable it is a clean abort, after that it is committed
// and only its time has not come.
func TestRun_Cancelled(t *testing.T) {
	why := errors.New("client went away")
	cancelled := func(t *testing.T, after time.Duration) context.Context {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(after, func() { cancel(why) })
		return ctx
	}
	t.Run("while it replicates, which can be taken back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			err = p.Run(cancelled(t, ε), replicate(2*ε))
			require.ErrorIs(t, err, why)
			require.ErrorAs(t, err, new(*ApplyError))
			require.Equal(t, Aborted, p.State())
			require.Equal(t, p.TS(), n.committer.SafeTime())
			require.ErrorAs(t, p.Wait(t.Context()), new(*StateError))
			require.NoError(t, p.Abort(), "it is so already")
			require.ErrorAs(t, p.Detach(), new(*StateError))
		})
	})
	t.Run("when it is durable", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			err = p.Run(cancelled(t, ε), replicate(0))
			var notYet *NotYetVisibleError
			require.ErrorAs(t, err, &notYet)
			require.ErrorIs(t, err, why)
			require.Equal(t, NotYetVisibleError{TS: p.TS(), Remaining: ε + 1, Cause: notYet.Cause}, *notYet)
			require.Equal(t, Durable, p.State())
			require.ErrorAs(t, p.Abort(), new(*StateError), "it is too late for that")
			require.Equal(t, before(p.TS(), hlc.Layout{}), n.committer.SafeTime())

			short, cancel := context.WithTimeout(t.Context(), ε/2)
			defer cancel()
			began := time.Now()
			require.ErrorAs(t, p.Wait(short), new(*truetime.WaitTooLongError), "refused at once")
			require.Zero(t, time.Since(began))
			require.NoError(t, p.Wait(t.Context()), "resumed")
			require.Equal(t, ε+1, time.Since(began))
			require.NoError(t, p.Wait(t.Context()), "and again")
			require.ErrorAs(t, p.Run(t.Context(), replicate(0)), new(*StateError), "it runs once")
		})
	})
	t.Run("when it is durable, and nobody waits any more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			require.Error(t, p.Run(cancelled(t, ε), replicate(0)))
			require.NoError(t, p.Detach())
			time.Sleep(ε + 1)
			synctest.Wait()
			require.Equal(t, Visible, p.State())
			require.NoError(t, n.committer.Close())
		})
	})
}

// TestWait_ManyWaiters before it is durable, and after: all are told, OnCommit once.
func TestWait_ManyWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told atomic.Int32
		n := newNode(t, 0, Options{OnCommit: func(CommitStats) { told.Add(1) }})
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		began := time.Now()
		var work sync.WaitGroup
		for range 20 {
			work.Go(func() {
				require.NoError(t, p.Wait(t.Context()))
				require.Equal(t, 5*ε, time.Since(began))
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), ε)
		defer cancel()
		require.ErrorAs(t, p.Wait(ctx), new(*NotYetVisibleError))
		work.Go(func() { require.NoError(t, p.Run(t.Context(), replicate(4*ε))) })
		work.Wait()
		require.Equal(t, int32(1), told.Load())
	})
}

// TestWait_TheClockIsLost when the data is durable: the wait goes on until there is a bound again, and asks that one.
func TestWait_TheClockIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		began := time.Now()
		lost := &truetime.DisruptedError{Cause: "test"}
		require.NoError(t, n.clock.Update(truetime.Bound{}, lost))
		_, err = n.committer.Assign(t.Context())
		require.ErrorIs(t, err, lost, "nothing new is assigned")
		time.AfterFunc(time.Second, func() { n.publish(t, 0, 600*time.Millisecond) })
		require.NoError(t, p.Run(t.Context(), replicate(0)))
		require.Equal(t, time.Second, time.Since(began), "the fresh bound says that it has passed")

		p, err = n.committer.Assign(t.Context())
		require.NoError(t, err)
		require.NoError(t, n.clock.Update(truetime.Bound{}, lost))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err = p.Run(ctx, replicate(0))
		var notYet *NotYetVisibleError
		require.ErrorAs(t, err, &notYet)
		require.ErrorIs(t, err, lost)
		require.Equal(t, time.Duration(-1), notYet.Remaining, "nobody knows")
	})
}

// TestCommit_TheClockIsLostWhileItWaits: no abort, the wait goes on.
func TestCommit_TheClockIsLostWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		time.AfterFunc(ε, func() {
			require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
		})
		time.AfterFunc(time.Second, func() { n.publish(t, 0, ε) })
		began := time.Now()
		_, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(began))
	})
}

// TestAssign_WhatTheStoreCarriesIsWaitedFor: rounded up to a millisecond, the timestamp passes that much later.
func TestAssign_WhatTheStoreCarriesIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Microsecond)
		n := newNode(t, 0, Options{Layout: hlc.TiKV()})
		began := time.Now()
		first, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.True(t, hlc.TiKV().Fits(first))
		require.Equal(t, 2*ε+1+700*time.Microsecond, time.Since(began))
		second, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		a, err := hlc.TiKV().Pack(first)
		require.NoError(t, err)
		b, err := hlc.TiKV().Pack(second)
		require.NoError(t, err)
		require.Less(t, a, b)
		read, err := n.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		require.True(t, hlc.TiKV().Fits(read))
	})
}

// TestAssign_CoverComesBeforeAnything depends on the timestamp; when it fails the timestamp is burnt.
func TestAssign_CoverComesBeforeAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var covered hlc.Timestamp
		full := error(nil)
		n := newNode(t, 0, Options{Floor: hlc.Timestamp{WallTime: time.Now().Add(ε + 5).UnixNano()}, Cover: func(_ context.Context, ts hlc.Timestamp) error {
			covered = ts
			return full
		}})
		_, err := n.committer.Commit(t.Context(), func(_ context.Context, ts hlc.Timestamp) error {
			require.Equal(t, covered, ts)
			require.True(t, ts.After(n.committer.options.Floor), "above what was there before the restart")
			return nil
		})
		require.NoError(t, err)
		read, err := n.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		require.Equal(t, covered, read, "what is read must not be assigned after a restart either")

		full = errors.New("disk full")
		_, err = n.committer.Commit(t.Context(), nothing)
		require.ErrorIs(t, err, full)
		require.Equal(t, read, n.committer.SafeTime(), "what is not covered is not safe to read")
		require.Zero(t, n.committer.Stats().InFlight, "burnt")
		_, err = n.committer.Snapshot(t.Context(), Strong())
		require.ErrorIs(t, err, full)
		_, err = n.committer.CloseTo(t.Context(), covered)
		require.ErrorIs(t, err, full)
	})
}

// TestRun_TheWaitGoesOnInHoldover, in which the interval has become too wide for anything new: its earliest is as true as ever.
func TestRun_TheWaitGoesOnInHoldover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewVirtual(0)
		wide := truetime.New(local, truetime.Options{})
		clock := truetime.New(local, truetime.Options{MaxUncertainty: ε + 10*time.Nanosecond})
		r, err := local.Read()
		require.NoError(t, err)
		b := truetimetest.Around(r, time.Now().UnixNano(), ε, 100_000) // grows by 100 ppm
		require.NoError(t, clock.Update(b, nil))
		require.NoError(t, wide.Update(b, nil))
		c, err := New(clock, nil, Options{})
		require.NoError(t, err)
		p, err := c.Assign(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		err = p.Run(ctx, nothing)
		require.Less(t, time.Since(began), time.Second)
		passed, errWide := wide.After(p.TS().Time())
		require.NoError(t, errWide)
		require.True(t, passed, "the bound says so")
		require.NoError(t, err)
	})
}
