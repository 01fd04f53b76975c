package commitwait

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/trueclock/trueclock/hlc"
)

// TestClose_WaitsForRun, and none begins afterwards: another process may be about to take the store over.
func TestClose_WaitsForRun(t *testing.T) {
	t.Run("begun before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			closed, done := false, make(chan struct{})
			go func() {
				defer close(done)
				_ = p.Run(t.Context(), func(context.Context, hlc.Timestamp) error {
					time.Sleep(time.Second)
					if closed {
						t.Error("the store is still written to: Close returned while somebody applies")
					}
					return nil
				})
			}()
			synctest.Wait()
			require.NoError(t, n.committer.Close())
			closed = true
			<-done
		})
	})
	t.Run("begun afterwards", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			require.NoError(t, n.committer.Close())
			_ = p.Run(t.Context(), func(context.Context, hlc.Timestamp) error {
				t.Error("written after Close has returned")
				return nil
			})
		})
	})
}

// TestClose_EndsTheWaits of both orders and returns when they have returned.
func TestClose_EndsTheWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		var work sync.WaitGroup
		work.Go(func() {
			_, err := n.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { t.Error("applied"); return nil })
			require.ErrorIs(t, err, ErrClosed)
		})
		durable, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		work.Go(func() {
			err := durable.Run(t.Context(), replicate(0))
			require.ErrorIs(t, err, ErrClosed)
			require.ErrorAs(t, err, new(*NotYetVisibleError))
		})
		assigned, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		work.Go(func() { require.ErrorIs(t, assigned.Wait(t.Context()), ErrClosed) })
		work.Go(func() {
			_, err := n.committer.Snapshot(t.Context(), Strong())
			require.ErrorIs(t, err, ErrClosed)
		})
		detached, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.Error(t, detached.Run(ctx, func(context.Context, hlc.Timestamp) error { return nil }))
		require.NoError(t, detached.Detach())
		synctest.Wait()

		require.NoError(t, n.committer.Close())
		work.Wait()
		require.NoError(t, n.committer.Close(), "closing twice is harmless")
		require.Equal(t, Durable, durable.State())
		require.ErrorIs(t, detached.Detach(), ErrClosed)
		_, err = n.committer.Assign(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		_, err = n.committer.CloseTo(t.Context(), hlc.Timestamp{WallTime: 1})
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, before(durable.TS(), hlc.Layout{}), n.committer.SafeTime())
	})
}

// TestClose_NothingIsAppliedAfterwards, though a commit was being covered when it began.
func TestClose_NothingIsAppliedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		n := newNode(t, 0, Options{Cover: func(ctx context.Context, _ hlc.Timestamp) error {
			select {
			case <-gate:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}})
		closed, done := false, make(chan error)
		go func() {
			_, err := n.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error {
				if closed {
					t.Error("applied after Close has returned")
				}
				return nil
			})
			done <- err
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		require.NoError(t, n.committer.Close())
		closed = true
		close(gate)
		require.ErrorIs(t, <-done, ErrClosed)
	})
}
