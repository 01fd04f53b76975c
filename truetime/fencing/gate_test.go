package fencing

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestDo_WhoGivesUpWhileTheDiskIsBusy: the token of who has given up still becomes the maximum, and a write of the old holder must not begin
// meanwhile: it would be under way when one with the new token is admitted.
func TestDo_WhoGivesUpWhileTheDiskIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		r := opened(t, disk, Options{})
		require.NoError(t, r.Check(t.Context(), "a", 33))
		disk.Fault = func(int, string) durabletest.Fault {
			return durabletest.Fault{Slow: func() { time.Sleep(time.Second) }}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Check(ctx, "a", 34), context.DeadlineExceeded)

		old := make(chan error)
		go func() {
			old <- r.Do(t.Context(), "a", 33, func(context.Context) error {
				time.Sleep(time.Hour)
				return errors.New("33 wrote for an hour")
			})
		}()
		synctest.Wait()
		require.NoError(t, r.Do(t.Context(), "a", 34, func(context.Context) error { return nil }))
		require.ErrorAs(t, <-old, new(*StaleError))
	})
}

// TestDo_EveryoneGivesUp sometimes: while the disk is slow, while a write is long, or never. Writes with two tokens are never under way at once, nor does
// one begin after one of a higher token was admitted; and when all have gone, the next one gets in.
func TestDo_EveryoneGivesUp(t *testing.T) {
	var wrote, stale, gaveUp int
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			disk := durabletest.New()
			r := opened(t, disk, Options{})
			disk.Fault = func(int, string) durabletest.Fault {
				return durabletest.Fault{Slow: func() { time.Sleep(time.Millisecond) }} // two copies are some twelve of them
			}
			var all sync.WaitGroup
			var mu sync.Mutex // of what follows
			under, highest := map[Token]int{}, Token(0)
			for range 40 {
				token := Token(1 + random.IntN(8))
				starts, patience, takes := random.IntN(60), 1+random.IntN(40), random.IntN(30)
				all.Go(func() {
					time.Sleep(time.Duration(starts) * time.Millisecond)
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(patience)*time.Millisecond)
					defer cancel()
					err := r.Do(ctx, "a", token, func(context.Context) error {
						mu.Lock()
						under[token]++
						if len(under) > 1 || token < highest {
							t.Errorf("seed %d: %v is written after %v, with %v", seed, token, highest, under)
						}
						highest = max(highest, token)
						mu.Unlock()
						time.Sleep(time.Duration(takes) * time.Millisecond)
						mu.Lock()
						defer mu.Unlock()
						if under[token]--; under[token] == 0 {
							delete(under, token)
						}
						return nil
					})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						wrote++
					case errors.As(err, new(*StaleError)):
						stale++
					case errors.Is(err, context.DeadlineExceeded):
						gaveUp++
					default:
						t.Errorf("seed %d: %v", seed, err)
					}
				})
			}
			all.Wait()
			assertNil(t, r.Do(t.Context(), "a", 9, func(context.Context) error { return nil }))
		})
	}
	t.Log(wrote, "wrote,", stale, "were stale,", gaveUp, "gave up")
	require.Positive(t, min(wrote, stale, gaveUp))
}

// TestDo_WithinAWrite of the same token: it waits for the holder's own write as soon as somebody comes with a higher one, who waits for that
// too. Check does not wait.
func TestDo_WithinAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := opened(t, durabletest.New(), Options{})
		var next sync.WaitGroup
		require.NoError(t, r.Do(t.Context(), "a", 33, func(context.Context) error {
			next.Go(func() { assertNil(t, r.Check(t.Context(), "a", 34)) })
			synctest.Wait()
			assertNil(t, r.Check(t.Context(), "a", 33))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := r.Do(ctx, "a", 33, func(context.Context) error { return nil })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
			return nil
		}))
		next.Wait()
	})
}
