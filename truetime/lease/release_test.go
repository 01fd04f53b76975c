package lease

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRelease_BesideOneThatHangs: each ends with its own context.
func TestRelease_BesideOneThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, hangs := &flaky{}, make(chan struct{})
		g := acquired(t, leaning(t, 0, ε), store, "1")
		store.failing(func(string, Record, Record) (bool, error) { <-hangs; return true, nil })
		first := make(chan error)
		go func() { first <- g.Release(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		time.AfterFunc(time.Hour, func() { close(hangs) })
		require.ErrorIs(t, g.Release(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, <-first)
		store.failing(nil)
		require.NoError(t, g.Release(t.Context()))
	})
}

// TestRelease_Again after somebody else has got it, by a defer, say: it was given back, and not lost.
func TestRelease_Again(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{}
		g := acquired(t, leaning(t, 0, ε), store, "1")
		require.NoError(t, g.Release(t.Context()))
		acquired(t, leaning(t, 0, ε), store, "2")
		require.NoError(t, g.Release(t.Context()))
	})
}
