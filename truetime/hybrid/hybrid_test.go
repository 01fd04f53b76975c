package hybrid_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/hybrid"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

const noon = int64(1_790_000_000e9)

// node is a machine with a bound around true time and a hybrid clock over it.
type node struct {
	local  *truetimetest.Manual
	clock  *truetime.Clock
	events *hlc.Clock
}

func newNode(t testing.TB, o hlc.Options) *node {
	t.Helper()
	n := &node{local: truetimetest.NewManual(0)}
	n.clock = truetime.New(n.local, truetime.Options{})
	var err error
	n.events, err = hybrid.New(n.clock, o)
	require.NoError(t, err)
	return n
}

// bound says that true time is trueNanos now, which lies off the middle of ± uncertainty.
func (n *node) bound(t testing.TB, trueNanos int64, uncertainty, off time.Duration) {
	t.Helper()
	r, err := n.local.Read()
	require.NoError(t, err)
	b := truetimetest.Around(r, trueNanos+int64(off), uncertainty, 50_000)
	b.Generation = truetime.NewGeneration()
	require.NoError(t, n.clock.Update(b, nil))
}

// TestHybrid_LimitsAreThoseOfTheInterval, to the nanosecond.
func TestHybrid_LimitsAreThoseOfTheInterval(t *testing.T) {
	n := newNode(t, hlc.Options{MaxLead: time.Microsecond})
	n.bound(t, noon, time.Millisecond, 0)
	now, err := n.clock.Now()
	require.NoError(t, err)
	require.Equal(t, hlc.Timestamp{WallTime: now.EarliestUnixNano()}, n.events.Now())
	most := hlc.Timestamp{WallTime: now.LatestUnixNano() + 1_000}
	require.NoError(t, n.events.Observe(most))
	most.WallTime++
	var far *hlc.TooFarAheadError
	require.ErrorAs(t, n.events.Observe(most), &far)
	require.Equal(t, hlc.TooFarAheadError{Remote: most, Physical: now.EarliestUnixNano(), Latest: now.LatestUnixNano(), Lead: 1_001, Limit: 1_000}, *far)
}

// TestHybrid_WithoutABoundItCounts and believes nobody who is ahead.
func TestHybrid_WithoutABoundItCounts(t *testing.T) {
	n := newNode(t, hlc.Options{})
	require.Equal(t, hlc.Timestamp{Logical: 1}, n.events.Now())
	_, err := n.events.Update(hlc.Timestamp{WallTime: noon})
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
	require.ErrorAs(t, err, new(*hlc.NoLatestError))

	n.bound(t, noon, time.Millisecond, 0)
	last := n.events.Now()
	require.Equal(t, noon-1e6, last.WallTime)
	n.local.Suspend("the machine slept")
	for range 3 {
		next := n.events.Now()
		require.Equal(t, hlc.Timestamp{WallTime: last.WallTime, Logical: last.Logical + 1}, next)
		last = next
	}
	_, err = n.events.Update(hlc.Timestamp{WallTime: last.WallTime + 1})
	require.ErrorAs(t, err, new(*truetime.DisruptedError))
	ts, err := n.events.Update(hlc.Timestamp{WallTime: last.WallTime})
	require.NoError(t, err, "one that is not ahead is believed")
	require.Equal(t, hlc.Timestamp{WallTime: last.WallTime, Logical: last.Logical + 1}, ts)

	n.bound(t, noon, 10*time.Millisecond, 0)
	require.Equal(t, last.WallTime, n.events.Now().WallTime, "a wider bound does not take it back")
	n.bound(t, noon+1e9, 10*time.Millisecond, 0)
	require.Equal(t, noon+1e9-10e6, n.events.Now().WallTime)
}

// TestHybrid_NoHonestTimestampIsRefused: nodes whose bounds hold true time, by hair's breadth and of any
// width, believe each other at the smallest limit there is; none is ahead of true time.
func TestHybrid_NoHonestTimestampIsRefused(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	trueNanos := noon
	var nodes []*node
	for range 4 {
		nodes = append(nodes, newNode(t, hlc.Options{MaxLead: 1}))
	}
	var last hlc.Timestamp
	for range 20_000 {
		passed := time.Duration(r.Int64N(1e6))
		trueNanos += int64(passed)
		for _, n := range nodes {
			n.local.Advance(passed)
			width := time.Duration(1 + r.Int64N(5e6))
			off := time.Duration(r.Int64N(2*int64(width)+1)) - width
			if r.IntN(4) == 0 {
				off = width * time.Duration(1-2*r.IntN(2)) // true time is at the very end
			}
			n.bound(t, trueNanos, width, off)
		}
		from, to := nodes[r.IntN(4)], nodes[r.IntN(4)]
		sent := from.events.Now()
		received, err := to.events.Update(sent)
		require.NoError(t, err, "seed %d", seed)
		require.True(t, received.After(sent), "seed %d", seed)
		require.LessOrEqual(t, received.WallTime, trueNanos, "seed %d", seed)
		last = received
	}
	require.NotZero(t, last)
}

func TestNew_RefusesWhatItSetsItself(t *testing.T) {
	clock := truetime.New(truetimetest.NewManual(0), truetime.Options{})
	wall, err := hlc.NewWallClock(hlc.WallOptions{})
	require.NoError(t, err)
	for _, o := range []hlc.Options{
		{Physical: func() int64 { return 0 }}, {Wall: wall}, {Latest: func() (int64, error) { return 0, nil }},
	} {
		_, err := hybrid.New(clock, o)
		require.ErrorIs(t, err, hybrid.ErrOptions)
	}
	_, err = hybrid.New(clock, hlc.Options{MaxLead: -1})
	require.Error(t, err)
}

func TestHybrid_DoesNotAllocate(t *testing.T) {
	n := newNode(t, hlc.Options{})
	n.bound(t, noon, time.Millisecond, 0)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = n.events.Update(n.events.Now())
	}))
}
