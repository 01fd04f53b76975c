package lease

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestGuard_ValidDoesNotAllocate.
func TestGuard_ValidDoesNotAllocate(t *testing.T) {
	g := strict(t)
	require.NoError(t, g.Valid())
	require.Zero(t, testing.AllocsPerRun(1000, func() { _ = g.Valid() }))
}

// strict returns a guard on the strict clock of this machine.
func strict(t testing.TB) *Guard {
	t.Helper()
	return guardOn(t, func(local truetime.LocalClock) truetime.LocalClock { return local })
}

func guardOn(t testing.TB, follow func(strict truetime.LocalClock) truetime.LocalClock) *Guard {
	t.Helper()
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	r, err := local.Read()
	require.NoError(t, err)
	clock := truetime.New(follow(local), truetime.Options{})
	require.NoError(t, clock.Update(truetimetest.Around(r, time.Now().UnixNano(), time.Millisecond, 200_000), nil))
	return acquired(t, clock, &Memory{}, "1")
}

// BenchmarkValid against Clock.Now of the same clock.
func BenchmarkValid(b *testing.B) {
	b.Run("strict", func(b *testing.B) { valid(b, strict(b)) })
	b.Run("fast", func(b *testing.B) {
		valid(b, guardOn(b, func(strict truetime.LocalClock) truetime.LocalClock { return truetime.NewFastClock(strict, 0) }))
	})
}

func valid(b *testing.B, g *Guard) {
	began := time.Now()
	for range b.N {
		_, _ = g.clock.Now()
	}
	now := time.Since(began)
	b.ResetTimer()
	for range b.N {
		_ = g.Valid()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(now), "×Clock.Now")
	b.ReportAllocs()
}

// BenchmarkDo of nothing.
func BenchmarkDo(b *testing.B) {
	g, ctx := strict(b), b.Context()
	use := func(ctx context.Context, grant Grant) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Do(ctx, use)
	}
}
