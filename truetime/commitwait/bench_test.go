package commitwait

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// running is a clock over the runtime's monotonic one whose bound is exact: ε = 0.
func running(tb testing.TB, o Options) *Committer {
	tb.Helper()
	local := truetimetest.NewVirtual(0)
	clock := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(tb, err)
	require.NoError(tb, clock.Update(truetimetest.Around(r, time.Now().UnixNano(), 0, 0), nil))
	c, err := New(clock, nil, o)
	require.NoError(tb, err)
	return c
}

// BenchmarkCommit is what is left of a commit when there is nothing to wait for: assignment, the flight, visibility.
func BenchmarkCommit(b *testing.B) {
	c := running(b, Options{})
	ctx := b.Context()
	nothing := func(context.Context, hlc.Timestamp) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Commit(ctx, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCommit_Allocates two things at most: the flight, and what a clock's reading costs.
func TestCommit_AllocatesLittle(t *testing.T) {
	waits := 0
	c := running(t, Options{OnWait: func(time.Duration, error) { waits++ }})
	defer func() { require.Equal(t, 1001, waits, "told of each, for nothing") }()
	nothing := func(context.Context, hlc.Timestamp) error { return nil }
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
		p, err := c.Assign(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
	}), 2.0)
}

// BenchmarkCommitManyInFlight is the same with 100 000 others in commit wait.
func BenchmarkCommitManyInFlight(b *testing.B) {
	c := running(b, Options{})
	ctx := b.Context()
	for range 100_000 {
		if _, err := c.Assign(ctx); err != nil {
			b.Fatal(err)
		}
	}
	nothing := func(context.Context, hlc.Timestamp) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Commit(ctx, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSnapshot of an idle shard.
func BenchmarkSnapshot(b *testing.B) {
	c := running(b, Options{})
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Snapshot(ctx, Strong()); err != nil {
			b.Fatal(err)
		}
	}
}
