package truetime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hands are the two clocks under a portable clock, moved by the test.
type hands struct {
	mono      time.Duration
	wall      int64
	afterMono func() // what happens between the two looks
}

func (h *hands) clock() *portableClock {
	return newPortableClock(
		func() time.Duration {
			m := h.mono
			if h.afterMono != nil {
				h.afterMono()
			}
			return m
		},
		func() int64 { return h.wall },
	)
}

func (h *hands) pass(mono, wall time.Duration) { h.mono += mono; h.wall += int64(wall) }

func TestPortableClock_Stories(t *testing.T) {
	for _, c := range []struct {
		why        string
		mono, wall time.Duration
		newEpoch   bool
	}{
		{"time passes", time.Hour, time.Hour, false},
		{"the wall clock is slewed a little", time.Hour, time.Hour + 900*time.Millisecond, false},
		{"exactly the threshold is tolerated", 0, time.Second, false},
		{"the machine slept while the monotonic clock stood still", time.Second, 8 * time.Hour, true},
		{"the wall clock was stepped back", time.Minute, time.Minute - 2*time.Second, true},
		{"and forward", time.Minute, time.Minute + 2*time.Second, true},
	} {
		h := &hands{wall: 1e18}
		clock := h.clock()
		first, err := clock.Read()
		require.NoError(t, err)
		h.pass(c.mono, c.wall)
		then, err := clock.Read()
		require.NoError(t, err)
		require.Equal(t, c.newEpoch, then.Epoch != first.Epoch, c.why)
		require.Equal(t, c.newEpoch, clock.EpochCause() != "", c.why)
		require.Equal(t, int64(c.mono), then.Nanos-first.Nanos, c.why)
		again, err := clock.Read()
		require.NoError(t, err)
		require.Equal(t, then, again, "%s: one gap is one epoch", c.why)
	}
}

// TestPortableClock_AWallClockAtAnotherRate is ordinary: 50 ppm are 4 s a day, and
// no gap. A suspend of 2 s in between is one.
func TestPortableClock_AWallClockAtAnotherRate(t *testing.T) {
	h := &hands{wall: 1e18}
	clock := h.clock()
	first, err := clock.Read()
	require.NoError(t, err)
	for range 48 * 60 {
		h.pass(time.Minute, time.Minute+3*time.Millisecond)
		r, err := clock.Read()
		require.NoError(t, err)
		require.Equal(t, first.Epoch, r.Epoch, "after %v", h.mono)
	}
	h.pass(0, 2*time.Second)
	r, err := clock.Read()
	require.NoError(t, err)
	require.NotEqual(t, first.Epoch, r.Epoch)
}

// TestPortableClock_AWaitBetweenTheTwoLooks is not taken for the rate of the wall
// clock: a suspend that it would have made up for is still seen.
func TestPortableClock_AWaitBetweenTheTwoLooks(t *testing.T) {
	h := &hands{wall: 1e18}
	clock := h.clock()
	h.pass(2*time.Minute, 2*time.Minute)
	waited := false
	h.afterMono = func() {
		if !waited {
			waited = true
			h.pass(900*time.Millisecond, 900*time.Millisecond)
		}
	}
	first, err := clock.Read()
	require.NoError(t, err)
	h.pass(0, 1800*time.Millisecond)
	then, err := clock.Read()
	require.NoError(t, err)
	require.NotEqual(t, first.Epoch, then.Epoch)
}

// TestPortableClock_AGapBetweenTheTwoLooks is blamed on the reading that was
// taken before it, never missed.
func TestPortableClock_AGapBetweenTheTwoLooks(t *testing.T) {
	h := &hands{wall: 1e18}
	clock := h.clock()
	first, err := clock.Read()
	require.NoError(t, err)
	slept := false
	h.afterMono = func() {
		if !slept {
			slept = true
			h.wall += int64(time.Hour)
		}
	}
	then, err := clock.Read()
	require.NoError(t, err)
	require.NotEqual(t, first.Epoch, then.Epoch)
}

func TestPortableClock_TheRealOne(t *testing.T) {
	c := NewPortableClock()
	last, err := c.Read()
	require.NoError(t, err)
	for range 1000 {
		r, err := c.Read()
		require.NoError(t, err)
		require.GreaterOrEqual(t, r.Nanos, last.Nanos)
		require.Equal(t, last.Epoch, r.Epoch)
		last = r
	}
}
