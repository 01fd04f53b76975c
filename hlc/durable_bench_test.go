package hlc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestDurable_DoesNotAllocate within the window.
func TestDurable_DoesNotAllocate(t *testing.T) {
	d := realDurable(t, time.Hour)
	ctx, remote := t.Context(), mustNow(t, d)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		_, _ = d.Now(ctx)
		_, _ = d.Update(ctx, remote)
		_ = d.Observe(ctx, remote)
		d.Peek()
	}))
}

func realDurable(t testing.TB, window time.Duration) *Durable {
	t.Helper()
	clock, err := New(Options{})
	require.NoError(t, err)
	d, err := OpenDurable(t.Context(), clock, DurableOptions{Dir: t.TempDir(), Window: window})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// BenchmarkDurableNow renews its bound as it would in life.
func BenchmarkDurableNow(b *testing.B) {
	d := realDurable(b, DefaultWindow)
	ctx := b.Context()
	began := time.Now()
	for range b.N {
		_ = d.clock.Now()
	}
	plain := time.Since(began)
	b.ResetTimer()
	for range b.N {
		_, _ = d.Now(ctx)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(plain), "×Clock.Now")
	b.ReportAllocs()
}

// BenchmarkDurableRenewal is one bound made durable: what the first call after a
// long pause waits for, and what a Window should be 100 times of.
func BenchmarkDurableRenewal(b *testing.B) {
	d := realDurable(b, time.Nanosecond)
	ctx := b.Context()
	for b.Loop() {
		_, _ = d.Now(ctx)
	}
	b.ReportMetric(float64(d.Stats().WriteP99), "p99-ns")
}
