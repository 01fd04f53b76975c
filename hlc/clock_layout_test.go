package hlc

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLayoutClock_Stories: a clock for a layout issues what packs, and nothing that it
// issues twice is packed into the same number.
func TestLayoutClock_Stories(t *testing.T) {
	s := &script{now: 1_999}
	c, err := New(Options{Physical: s.read, Layout: Kudu(), MaxLead: time.Microsecond})
	require.NoError(t, err)
	require.Equal(t, Timestamp{1_000, 0}, c.Now(), "the tick that has begun: never ahead of the clock")
	require.Equal(t, Timestamp{1_000, 1}, c.Now())
	s.now = 2_000
	require.Equal(t, Timestamp{2_000, 0}, c.Now())

	ts, err := c.Update(Timestamp{2_500, 7})
	require.NoError(t, err)
	require.Equal(t, Timestamp{3_000, 0}, ts, "above a remote timestamp between two ticks")
	ts, err = c.Update(Timestamp{3_000, 4094})
	require.NoError(t, err)
	require.Equal(t, Timestamp{3_000, 4095}, ts)
	require.Equal(t, Timestamp{4_000, 0}, c.Now(), "4096 in a microsecond, and then the next")
	_, err = c.Update(Timestamp{3_000, 4096})
	require.ErrorAs(t, err, new(*LogicalTooHighError))
	_, err = c.Update(Timestamp{3_001, 0})
	require.ErrorAs(t, err, new(*TooFarAheadError), "the limit counts from the clock and not from its tick")

	require.NoError(t, c.Observe(Timestamp{2_999, 7}), "one between two ticks may be observed")
	s.now = 9_000
	require.NoError(t, c.Observe(Timestamp{9_500, 3}))
	require.Equal(t, Timestamp{9_500, 3}, c.Peek(), "as it is")
	require.Equal(t, Timestamp{10_000, 0}, c.Now(), "and the next one packs")
}

func TestLayoutClock_Round(t *testing.T) {
	c, err := New(Options{Layout: Kudu(), MaxLogical: 100})
	require.NoError(t, err)
	for in, want := range map[Timestamp]Timestamp{
		{2_000, 100}: {2_000, 100},
		{2_000, 101}: {3_000, 0},
		{2_001, 0}:   {3_000, 0},
		{-5, 3}:      {0, 0},
	} {
		got, err := c.Round(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err = c.Round(Timestamp{math.MaxInt64, 0})
	require.ErrorIs(t, err, ErrExhausted)
	plain, err := New(Options{})
	require.NoError(t, err)
	_, err = plain.Round(Timestamp{math.MaxInt64, DefaultMaxLogical + 1})
	require.ErrorIs(t, err, ErrExhausted)
}

// TestLayoutClock_AtItsEnd the clock stands still and counts; then it says that it is over.
// It does not begin again.
func TestLayoutClock_AtItsEnd(t *testing.T) {
	small, err := NewLayout(LayoutOptions{Name: "small", Ticks: 1, Nanos: 1 << 60, LogicalBits: 1})
	require.NoError(t, err)
	s := &script{now: math.MaxInt64}
	c, err := New(Options{Physical: s.read, Layout: small})
	require.NoError(t, err)
	var last Timestamp
	n := 0
	for ts := c.Now(); !ts.IsZero(); ts = c.Now() {
		require.True(t, ts.After(last))
		require.True(t, small.Fits(ts))
		last, n = ts, n+1
	}
	require.Equal(t, small.Max(), last)
	require.Equal(t, 4, n, "two in the second last tick, two in the last")
	require.Equal(t, last, c.Peek())
	_, err = c.NowN(1)
	require.ErrorIs(t, err, ErrExhausted)
	_, err = c.Update(Timestamp{1, 0})
	require.ErrorIs(t, err, ErrExhausted)
	_, err = c.ForceUpdate(Timestamp{1, 0})
	require.ErrorIs(t, err, ErrExhausted)
	require.Equal(t, last, c.Peek())

	s.now = 2_085_978_496e9 + 10*int64(time.Hour) // after NTP's era, which ends on 7 February 2036 at 06:28:16
	c, err = New(Options{Physical: s.read, Layout: NTP48x16()})
	require.NoError(t, err)
	first, second := c.Now(), c.Now()
	require.Equal(t, int64(2_085_978_494), first.WallTime/1e9, "the clock stands in its last second but one")
	require.True(t, second.After(first))
}

// TestLayoutClock_BeforeItsEpoch physical time is the epoch.
func TestLayoutClock_BeforeItsEpoch(t *testing.T) {
	for _, epoch := range []int64{-7, 0, 1_288_834_974_657e6} {
		layout, err := NewLayout(LayoutOptions{Name: "own", Epoch: epoch, Ticks: 3, Nanos: 1_000, LogicalBits: 12})
		require.NoError(t, err)
		c, err := New(Options{Physical: func() int64 { return math.MinInt64 }, Layout: layout})
		require.NoError(t, err)
		a, b := c.Now(), c.Now()
		require.True(t, layout.Fits(a) && layout.Fits(b) && b.After(a))
		require.False(t, a.IsZero())
		require.GreaterOrEqual(t, a.WallTime, max(0, epoch))
		require.Less(t, a.WallTime, max(0, epoch)+1_000)
	}
}

func TestNew_RefusesWhatTheLayoutCannotHold(t *testing.T) {
	_, err := New(Options{Layout: Kudu(), MaxLogical: 4096})
	require.Error(t, err)
	over, err := NewLayout(LayoutOptions{Name: "over", Epoch: math.MinInt64, Ticks: 1, Nanos: 1, LogicalBits: 32})
	require.NoError(t, err)
	_, err = New(Options{Layout: over})
	require.Error(t, err, "it ended before 1970")
}
