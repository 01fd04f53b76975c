package lease

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// TestDo_HasTheTokenAndADeadline.
func TestDo_HasTheTokenAndADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := acquired(t, leaning(t, 0, ε), &Memory{}, "1")
		time.Sleep(time.Second)
		failed := errors.New("no")
		require.ErrorIs(t, g.Do(t.Context(), func(ctx context.Context, grant Grant) error {
			token, ok := fencing.FromContext(ctx)
			require.True(t, ok)
			require.Equal(t, g.Token(), token)
			require.Equal(t, g.Token(), grant.Token)
			require.NoError(t, grant.Valid())
			deadline, ok := ctx.Deadline()
			require.True(t, ok)
			require.Equal(t, (ttl-2*ε-time.Second)*3/4, time.Until(deadline))
			return failed
		}), failed)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, g.Do(ctx, func(ctx context.Context, _ Grant) error {
			deadline, _ := ctx.Deadline()
			require.Equal(t, time.Second, time.Until(deadline), "the caller's is earlier")
			return nil
		}))
	})
}

// TestDo_ThatTakesTooLong says that it did: the lease was not valid at the end.
func TestDo_ThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		g := acquired(t, leaning(t, 0, ε), store, "1")
		store.failing(down)
		for _, failed := range []error{nil, errors.New("no")} {
			err := g.Do(t.Context(), func(ctx context.Context, grant Grant) error {
				<-ctx.Done()
				require.NoError(t, grant.Valid(), "the deadline is before")
				time.Sleep(ttl)
				return failed
			})
			var overran *OverranError
			require.ErrorAs(t, err, &overran)
			require.Equal(t, failed, overran.Err)
			require.ErrorAs(t, err, new(*ExpiredError))
			store.failing(nil)
			time.Sleep(ttl / 8)
			store.failing(down)
		}
	})
}

// TestDrop_EndsUses, at once; Release waits for them, and gives the rest back.
func TestDrop_EndsUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, stood := &Memory{}, errors.New("the process stood still for 3s")
		g := acquired(t, leaning(t, 0, ε), store, "1")
		finish, done := make(chan struct{}), make(chan error)
		go func() {
			done <- g.Do(context.Background(), func(ctx context.Context, _ Grant) error {
				<-ctx.Done()
				<-finish
				return context.Cause(ctx)
			})
		}()
		synctest.Wait()
		g.Drop(stood)
		require.ErrorIs(t, g.Valid(), stood)
		require.ErrorAs(t, g.Valid(), new(*LostError))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, g.Release(ctx), context.DeadlineExceeded, "somebody may still write")
		held, _ := store.Read(t.Context(), "orders")
		require.Equal(t, "1", held.Holder)
		close(finish)
		var overran *OverranError
		require.ErrorAs(t, <-done, &overran)
		require.ErrorIs(t, overran.Err, stood)
		require.NoError(t, g.Release(t.Context()))
		held, _ = store.Read(t.Context(), "orders")
		require.Empty(t, held.Holder)
		g.Drop(nil)
	})
}
