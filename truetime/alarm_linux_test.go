package truetime

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestSystemAlarms_NeverEarly, with many who come and go; and then no goroutine is left (TestMain).
func TestSystemAlarms_NeverEarly(t *testing.T) {
	a := systemAlarms()
	var work sync.WaitGroup
	for i := range 200 {
		work.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for range 20 {
				d := time.Duration(r.Int64N(int64(5 * time.Millisecond)))
				due := a.bell.now() + d
				w := a.set(d)
				if r.IntN(4) == 0 {
					a.leave(w)
					continue
				}
				<-w.rung
				if now := a.bell.now(); now < due {
					t.Errorf("woken %v early", due-now)
				}
			}
		})
	}
	work.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(t, a.pending)
}

// TestSystemAlarms_WithoutADescriptor the runtime's timers must do, and if somebody closes ours everybody
// is still woken.
func TestSystemAlarms_WithoutADescriptor(t *testing.T) {
	a := newSystemAlarms(func() (int, error) { return -1, unix.EMFILE })
	require.IsType(t, &timerBell{}, a.bell)
	<-a.set(time.Millisecond).rung

	a = newSystemAlarms(func() (int, error) {
		return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	})
	<-a.set(time.Millisecond).rung
	require.NoError(t, a.bell.(*fdBell).file.Close())
	<-a.set(time.Millisecond).rung
}

// TestFdBell_TheLead never grows beyond what it is for, and is gone when the machine wakes up faster.
func TestFdBell_TheLead(t *testing.T) {
	a := newSystemAlarms(func() (int, error) {
		return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	})
	b := a.bell.(*fdBell)
	defer func() { require.NoError(t, b.file.Close()) }()
	for range 1000 {
		b.due = b.now() - time.Hour // a pause
		b.learn()
	}
	require.LessOrEqual(t, b.lead, longestLead)
	require.Greater(t, b.lead, longestLead/2)
	lead := b.lead
	b.due = b.now() + time.Hour // set anew
	b.learn()
	require.Equal(t, lead, b.lead)
	b.due = b.now()
	b.learn()
	require.Less(t, b.lead, lead)
}

// TestWait_InABubble of testing/synctest, while somebody outside waits on the system's alarms: the bubble keeps its own, so that no channel of
// it is closed from outside, and its time goes on, so that contexts end. (What the
// system's clock says there is another matter.)
func TestWait_InABubble(t *testing.T) {
	outside := systemAlarms().set(time.Minute)
	defer systemAlarms().leave(outside)
	synctest.Test(t, func(t *testing.T) {
		local, err := NewLocalClock()
		require.NoError(t, err)
		r, err := local.Read()
		require.NoError(t, err)
		const at = 1_000_000_000_000_000_000
		c := New(local, Options{})
		require.NoError(t, c.Update(Bound{At: r, Earliest: Line{At: r.Nanos, Nanos: at}, Latest: Line{At: r.Nanos, Nanos: at}, Expires: r.Nanos + int64(time.Hour)}, nil))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		require.ErrorIs(t, c.KeepWaitingUntilAfter(ctx, t.Context(), time.Unix(0, at+int64(time.Hour))), context.Canceled)
	})
}
