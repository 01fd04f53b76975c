package shard

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLocks_InTheOrderOfArrival: who waits longest is next, whoever gave up is passed over.
func TestLocks_InTheOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocks()
		require.NoError(t, l.acquire(t.Context(), 1, []int{7}))
		got := make(chan int64, 9)
		impatient, giveUp := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		for tx := int64(2); tx <= 4; tx++ {
			ctx := t.Context()
			if tx == 3 {
				ctx = impatient
			}
			wait.Go(func() {
				if l.acquire(ctx, tx, []int{7}) == nil {
					got <- tx
				}
			})
			synctest.Wait()
		}
		giveUp()
		synctest.Wait()
		require.Empty(t, got)
		l.release(1, []int{7})
		synctest.Wait()
		require.Equal(t, int64(2), <-got)
		require.Empty(t, got, "one at a time")
		l.release(2, []int{7})
		synctest.Wait()
		require.Equal(t, int64(4), <-got)
		l.release(4, []int{7})
		require.Empty(t, l.held)
		wait.Wait()
	})
}

// TestLocks_AllOrNone: what cannot get one of its locks in time keeps none, and nobody is shut out by it.
func TestLocks_AllOrNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLocks()
		require.NoError(t, l.acquire(t.Context(), 1, []int{5}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, l.acquire(ctx, 2, []int{9, 5, 1}), context.DeadlineExceeded)
		require.NoError(t, l.acquire(t.Context(), 3, []int{9, 1}))
		require.ErrorIs(t, l.acquire(ctx, 4, []int{2}), context.DeadlineExceeded, "a free lock, but too late")
		l.release(2, []int{9, 5, 1})
		require.Len(t, l.held, 3, "nobody gives up the locks of others")
	})
}

// TestLocks_AreExclusive, and none is lost, however many come, give up and go.
func TestLocks_AreExclusive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	const clients, each, accounts = 8, 400, 5
	l := newLocks()
	var owners [accounts]atomic.Int64
	var served atomic.Int64
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range each {
				tx := int64(1 + client*each + i)
				mine := r.Perm(accounts)[:1+r.IntN(3)]
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(300))*time.Microsecond)
				if l.acquire(ctx, tx, mine) == nil {
					served.Add(1)
					for _, account := range mine {
						if !owners[account].CompareAndSwap(0, tx) {
							t.Errorf("account %d has two owners, seed %d", account, seed)
						}
					}
					for _, account := range mine {
						owners[account].Store(0)
					}
					l.release(tx, mine)
				}
				cancel()
			}
		})
	}
	work.Wait()
	require.NotZero(t, served.Load())
	require.Empty(t, l.held, "seed %d", seed)
	all := slices.Collect(func(yield func(int) bool) {
		for i := range accounts {
			if !yield(i) {
				return
			}
		}
	})
	require.NoError(t, l.acquire(t.Context(), 1, all), "all are free")
}
