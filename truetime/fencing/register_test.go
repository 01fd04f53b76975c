package fencing

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// opened returns a register on a disk that a test can break.
func opened(t testing.TB, disk *durabletest.Disk, o Options) *Register {
	t.Helper()
	r, err := open(disk, o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func onDisk(t testing.TB) *Register {
	t.Helper()
	r, err := Open(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// TestRegister_33After34 is figure 8-5: the first client stops, the second writes, the first is refused, and hears why. The
// second goes on; a third takes over.
func TestRegister_33After34(t *testing.T) {
	r, file := onDisk(t), []string{}
	write := func(token Token, what string) error {
		return r.Do(t.Context(), "file", token, func(context.Context) error {
			file = append(file, what)
			return nil
		})
	}
	require.NoError(t, write(34, "by 2"))
	err := write(33, "by 1, which was paused")
	var stale *StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, StaleError{Resource: "file", Token: 33, Highest: 34}, *stale)
	require.EqualError(t, err, `fencing: token 33 for "file" is stale: 34 was seen`)
	require.NoError(t, write(34, "by 2 again"))
	require.NoError(t, write(1<<63, "by 3"))
	require.Error(t, write(34, "by 2, which was paused"))
	require.Equal(t, []string{"by 2", "by 2 again", "by 3"}, file)
	require.NoError(t, r.Check(t.Context(), "another file", 7), "each has tokens of its own")
	require.Equal(t, Token(7), r.Highest("another file"))
}

func TestRegister_RefusesWhatIsNone(t *testing.T) {
	disk := durabletest.New()
	r := opened(t, disk, Options{MaxResources: 2, MaxStep: 10})
	writes := disk.Calls
	ctx := t.Context()
	require.ErrorIs(t, r.Check(ctx, "a", 0), ErrNoToken)
	require.ErrorIs(t, r.Check(ctx, "", 1), ErrResource)
	require.ErrorIs(t, r.Check(ctx, strings.Repeat("x", MaxName+1), 1), ErrResource)
	var step *StepError
	require.ErrorAs(t, r.Check(ctx, "a", math.MaxUint64), &step, "somebody's mistake must not lock all out")
	require.Equal(t, writes, disk.Calls, "no refusal writes")
	require.NoError(t, r.Check(ctx, "a", 10))
	require.ErrorAs(t, r.Check(ctx, "a", 21), &step)
	require.Equal(t, StepError{Resource: "a", Token: 21, Highest: 10, MaxStep: 10}, *step)
	require.ErrorIs(t, r.Check(ctx, "a", 0), ErrNoToken)
	require.NoError(t, r.Check(ctx, strings.Repeat("x", MaxName), 1))
	var full *FullError
	require.ErrorAs(t, r.Check(ctx, "c", 1), &full)
	require.Equal(t, 2, full.Limit)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	require.ErrorIs(t, r.Check(ctx, "a", 10), ErrClosed)
	require.ErrorIs(t, r.Do(ctx, "a", 11, nil), ErrClosed)

	again := opened(t, disk.Crash(nil), Options{MaxResources: 1})
	require.Equal(t, Token(10), again.Highest("a"), "a lower limit forgets nothing")
	require.Equal(t, Token(1), again.Highest(strings.Repeat("x", MaxName)))
	_, err := open(durabletest.New(), Options{MaxResources: mostResources + 1})
	require.Error(t, err)
}

// TestRegister_OnlyANewMaximumWrites: the same and lower tokens do not touch the disk.
func TestRegister_OnlyANewMaximumWrites(t *testing.T) {
	disk := durabletest.New()
	r := opened(t, disk, Options{})
	require.NoError(t, r.Check(t.Context(), "a", 34))
	calls := disk.Calls
	for range 100 {
		require.NoError(t, r.Check(t.Context(), "a", 34))
		require.Error(t, r.Check(t.Context(), "a", 33))
		require.NoError(t, r.Do(t.Context(), "a", 34, func(context.Context) error { return nil }))
	}
	require.Equal(t, calls, disk.Calls)
}

// TestDo_ANewTokenWaitsForTheWritesOfTheOld, and no write of the old begins after it has come. So no write of the old ends after
// one of the new has begun.
func TestDo_ANewTokenWaitsForTheWritesOfTheOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := opened(t, durabletest.New(), Options{})
		var old, next sync.WaitGroup
		release := make(chan struct{})
		for range 3 { // side by side
			old.Go(func() {
				assertNil(t, r.Do(t.Context(), "a", 33, func(context.Context) error { <-release; return nil }))
			})
		}
		synctest.Wait()
		began := make(chan struct{})
		for range 2 { // two with the same token must not wait for each other
			next.Go(func() {
				assertNil(t, r.Do(t.Context(), "a", 34, func(context.Context) error {
					select {
					case <-release:
					default:
						t.Error("a write with 34 while one with 33 is under way")
					}
					return nil
				}))
			})
		}
		next.Go(func() { assertNil(t, r.Check(t.Context(), "a", 34)); close(began) })
		synctest.Wait()
		var late sync.WaitGroup
		late.Go(func() {
			err := r.Do(t.Context(), "a", 33, func(context.Context) error { t.Error("33 began after 34 came"); return nil })
			if !errors.As(err, new(*StaleError)) {
				t.Errorf("%v", err)
			}
		})
		synctest.Wait()
		select {
		case <-began:
			t.Error("34 is confirmed while 33 writes")
		default:
		}
		close(release)
		old.Wait()
		next.Wait()
		late.Wait()
		require.Equal(t, Token(34), r.Highest("a"))
	})
}

func assertNil(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// TestDo_WhoGivesUp leaves the old holder where he was.
func TestDo_WhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := opened(t, durabletest.New(), Options{})
		release := make(chan struct{})
		var old sync.WaitGroup
		old.Go(func() {
			assertNil(t, r.Do(t.Context(), "a", 33, func(context.Context) error { <-release; return nil }))
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Check(ctx, "a", 34), context.DeadlineExceeded)
		require.Equal(t, Token(33), r.Highest("a"))
		require.NoError(t, r.Do(t.Context(), "a", 33, func(context.Context) error { return nil }))
		close(release)
		old.Wait()
		require.NoError(t, r.Check(t.Context(), "a", 34))
	})
}

// TestDo_AWriteThatFailsOrPanics is over all the same.
func TestDo_AWriteThatFailsOrPanics(t *testing.T) {
	r := onDisk(t)
	failed := errors.New("no")
	require.ErrorIs(t, r.Do(t.Context(), "a", 1, func(context.Context) error { return failed }), failed)
	require.Panics(t, func() { _ = r.Do(t.Context(), "a", 1, func(context.Context) error { panic("at the disco") }) })
	require.NoError(t, r.Check(t.Context(), "a", 2))
}

// TestClose_WaitsForWrites: who opens the directory next may let a higher token in.
func TestClose_WaitsForWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		r, err := open(disk, Options{})
		require.NoError(t, err)
		release, closed := make(chan struct{}), make(chan struct{})
		var both sync.WaitGroup
		both.Go(func() {
			assertNil(t, r.Do(t.Context(), "a", 33, func(context.Context) error { <-release; return nil }))
		})
		synctest.Wait()
		both.Go(func() { assertNil(t, r.Close()); close(closed) })
		synctest.Wait()
		require.True(t, disk.Locked)
		select {
		case <-closed:
			t.Error("closed while somebody writes")
		default:
		}
		close(release)
		both.Wait()
		require.False(t, disk.Locked)
	})
}

// TestRegister_NewMaximaShareTheDisk: a hundred resources, and not a hundred times the disk.
func TestRegister_NewMaximaShareTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		r := opened(t, disk, Options{})
		syncs := 0
		disk.Fault = func(_ int, op string) durabletest.Fault {
			if op == "sync" {
				syncs++
			}
			return durabletest.Fault{Slow: func() { time.Sleep(time.Millisecond) }}
		}
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() { assertNil(t, r.Check(t.Context(), fmt.Sprint("resource ", i), Token(i+1))) })
		}
		all.Wait()
		require.LessOrEqual(t, syncs, 4, "two copies of the first, and two of all others")
	})
}

// TestRegister_ManyGoroutines: whatever comes at once, no write of a token begins or is under way after one of a higher token has begun,
// and every one that was done was the highest when it was.
func TestRegister_ManyGoroutines(t *testing.T) {
	r, ctx := onDisk(t), t.Context()
	var highest, done, refused atomic.Uint64
	var all sync.WaitGroup
	for g := range 16 {
		random := rand.New(rand.NewPCG(uint64(g), 1))
		all.Go(func() {
			for range 200 {
				token := max(2, r.Highest("file")) + Token(random.IntN(20)/18) - Token(random.IntN(3)/2)
				err := r.Do(ctx, "file", token, func(context.Context) error {
					if before := highest.Swap(uint64(token)); before > uint64(token) {
						t.Errorf("%v is written after %v", token, before)
					}
					runtime.Gosched()
					if now := highest.Load(); now != uint64(token) {
						t.Errorf("%v begins while %v is written", now, token)
					}
					done.Add(1)
					return nil
				})
				if errors.As(err, new(*StaleError)) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, uint64(16*200), done.Load()+refused.Load())
	require.Positive(t, refused.Load())
	require.Greater(t, r.Highest("file"), Token(10))
}

// TestRegister_DoesNotAllocate for a token that is not above the maximum, but to refuse it.
func TestRegister_DoesNotAllocate(t *testing.T) {
	r, ctx := onDisk(t), t.Context()
	require.NoError(t, r.Check(ctx, "file", 34))
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = r.Check(ctx, "file", 34) }))
	write := func(context.Context) error { return nil }
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = r.Do(ctx, "file", 34, write) }))
}

// BenchmarkCheck of the maximum, against a mutex that nobody else wants.
func BenchmarkCheck(b *testing.B) {
	for _, resources := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(resources), func(b *testing.B) {
			r, ctx, names := onDisk(b), b.Context(), make([]string, resources)
			for i := range names {
				names[i] = fmt.Sprint("resource ", i)
				require.NoError(b, r.Check(ctx, names[i], 34))
			}
			var mu sync.Mutex
			guarded := 0
			began := time.Now()
			for range b.N {
				mu.Lock()
				guarded++
				mu.Unlock()
			}
			mutex := time.Since(began)
			b.ResetTimer()
			for i, n := 0, 0; n < b.N; n++ {
				_ = r.Check(ctx, names[i], 34)
				if i++; i == resources {
					i = 0
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(mutex), "×mutex")
			b.ReportAllocs()
		})
	}
}

// BenchmarkDo is a write of nothing.
func BenchmarkDo(b *testing.B) {
	r, ctx := onDisk(b), b.Context()
	write := func(context.Context) error { return nil }
	require.NoError(b, r.Do(ctx, "orders", 34, write))
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Do(ctx, "orders", 34, write)
	}
}

// BenchmarkNewMaximum is what a handover costs: two files made durable.
func BenchmarkNewMaximum(b *testing.B) {
	r, ctx, token := onDisk(b), b.Context(), Token(0)
	for b.Loop() {
		token++
		_ = r.Check(ctx, "orders", token)
	}
}
