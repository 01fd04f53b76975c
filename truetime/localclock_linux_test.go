package truetime

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newRawClock(t *testing.T) *rawClock {
	t.Helper()
	local, err := NewLocalClock()
	require.NoError(t, err)
	return local.(*rawClock)
}

// pretendSuspend makes the clock believe that BOOTTIME has gained d since the epoch began,
// which is what a suspend of that length does.
func (c *rawClock) pretendSuspend(d time.Duration) {
	e := *c.epoch.Load()
	e.base -= d
	c.epoch.Store(&e)
}

func TestRawClock_NeverGoesBackAndRaisesNoFalseAlarm(t *testing.T) {
	c := newRawClock(t)
	first, err := c.Read()
	require.NoError(t, err)
	var readers sync.WaitGroup
	for range 4 { // more than there are cores, so that reads are preempted half-way
		readers.Go(func() {
			last := first
			for range 50_000 {
				r, err := c.Read()
				if err != nil || r.Nanos < last.Nanos || r.Epoch != first.Epoch {
					t.Errorf("%v after %v: %v", r, last, err)
					return
				}
				last = r
			}
		})
	}
	readers.Wait()
	require.Empty(t, c.EpochCause())
}

// TestRawClock_ASuspendBeginsOneEpoch, whoever reads first, and says why.
func TestRawClock_ASuspendBeginsOneEpoch(t *testing.T) {
	c := newRawClock(t)
	before, err := c.Read()
	require.NoError(t, err)
	c.pretendSuspend(time.Hour)
	var epochs [8]uint64
	var readers sync.WaitGroup
	for i := range epochs {
		readers.Go(func() {
			r, err := c.Read()
			if err != nil {
				t.Error(err)
			}
			epochs[i] = r.Epoch
		})
	}
	readers.Wait()
	require.Greater(t, epochs[0], before.Epoch)
	for _, e := range epochs {
		require.Equal(t, epochs[0], e)
	}
	require.Regexp(t, `^the machine was suspended for (1h0m0s|59m59\.9\d*s|1h0m0\.0\d*s)$`, c.EpochCause())
}

func TestRawClock_TheThresholdIsOneMillisecond(t *testing.T) {
	c := newRawClock(t)
	before, err := c.Read()
	require.NoError(t, err)
	c.pretendSuspend(suspendThreshold / 2)
	r, err := c.Read()
	require.NoError(t, err)
	require.Equal(t, before.Epoch, r.Epoch)
	c.pretendSuspend(suspendThreshold)
	r, err = c.Read()
	require.NoError(t, err)
	require.NotEqual(t, before.Epoch, r.Epoch)
}

func TestRawClock_TwoClocksShareNoEpoch(t *testing.T) {
	a, err := newRawClock(t).Read()
	require.NoError(t, err)
	b, err := newRawClock(t).Read()
	require.NoError(t, err)
	require.NotEqual(t, a.Epoch, b.Epoch)
	require.NotZero(t, a.Epoch)
}

// TestRawClock_CountsNanoseconds: its rate is that of the wall clock within what
// a daemon may slew and a test can see.
func TestRawClock_CountsNanoseconds(t *testing.T) {
	c := newRawClock(t)
	began := time.Now()
	a, err := c.Read()
	require.NoError(t, err)
	timer := time.NewTimer(100 * time.Millisecond)
	<-timer.C
	elapsed := time.Since(began)
	b, err := c.Read()
	require.NoError(t, err)
	after := time.Since(began)
	require.GreaterOrEqual(t, float64(b.Nanos-a.Nanos), 0.89*float64(100*time.Millisecond))
	require.LessOrEqual(t, float64(b.Nanos-a.Nanos), 1.11*float64(after))
	require.GreaterOrEqual(t, elapsed, 100*time.Millisecond)
}
