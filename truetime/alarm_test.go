package truetime

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// handBell is moved by hand. It rings at most once for each time that it is armed.
type handBell struct {
	a     *alarms
	at    time.Duration
	due   time.Duration // 0: not armed
	armed int
}

func (b *handBell) now() time.Duration { return b.at }

func (b *handBell) arm(d time.Duration) {
	b.armed++
	b.due = b.at + d
}

func (b *handBell) rest(bool) { b.due = 0 }

// advance lets time pass, and the bell ring when it is due.
func (b *handBell) advance(d time.Duration) {
	for end := b.at + d; ; {
		if b.due == 0 || b.due > end {
			b.at = end
			return
		}
		b.at, b.due = max(b.at, b.due), 0
		b.a.ring()
	}
}

func handAlarms() (*alarms, *handBell) {
	b := &handBell{at: time.Hour}
	b.a = &alarms{bell: b}
	return b.a, b
}

func rung(w *alarm) bool {
	select {
	case <-w.rung:
		return true
	default:
		return false
	}
}

// TestAlarms_RingInTime: whatever is set and left, nobody is woken before he is due, or later than is allowed; and
// who comes when there are few is woken to the nanosecond. A slice of all who wait is the oracle.
func TestAlarms_RingInTime(t *testing.T) {
	type waiter struct {
		alarm            *alarm
		due, late, begun time.Duration
	}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 0))
		a, bell := handAlarms()
		var waiting []waiter
		longest := []time.Duration{time.Microsecond, time.Millisecond, time.Second}[seed%3]
		crowd := 1 + r.IntN(400)
		for range 1000 {
			switch n := r.IntN(10); {
			case n < 6 && len(waiting) < crowd:
				d := 1 + time.Duration(r.Int64N(int64(longest)))
				w := waiter{due: bell.at + d, begun: bell.at}
				if len(a.pending) >= exactAlarms {
					w.late = lateness(d) - 1
				}
				w.alarm = a.set(d)
				waiting = append(waiting, w)
			case n < 8 && len(waiting) > 0:
				i := r.IntN(len(waiting))
				a.leave(waiting[i].alarm)
				waiting[i] = waiting[len(waiting)-1]
				waiting = waiting[:len(waiting)-1]
			default:
				bell.advance(time.Duration(r.Int64N(int64(longest) / 8)))
			}
			left := waiting[:0]
			for _, w := range waiting {
				is := rung(w.alarm)
				switch {
				case is && bell.at < w.due:
					t.Fatalf("seed %d: woken %v early", seed, w.due-bell.at)
				case !is && bell.at >= w.due+w.late:
					t.Fatalf("seed %d: not woken after %v, due after %v", seed, bell.at-w.begun, w.due-w.begun)
				case !is:
					left = append(left, w)
				}
			}
			waiting = left
		}
		for _, w := range waiting {
			a.leave(w.alarm)
		}
		require.Empty(t, a.pending, "seed %d", seed)
		require.Zero(t, bell.due, "seed %d: the bell rests", seed)
	}
}

// TestAlarms_OneForMany: a hundred thousand who are due within 4 ms share some hundred alarms, and the bell is not
// armed for each.
func TestAlarms_OneForMany(t *testing.T) {
	a, bell := handAlarms()
	var all []*alarm
	for i := range 100_000 {
		all = append(all, a.set(4*time.Millisecond))
		if i%25 == 0 {
			bell.advance(time.Microsecond)
		}
	}
	require.LessOrEqual(t, len(a.pending), exactAlarms+4_000_000/int(lateness(4*time.Millisecond))+1)
	bell.advance(5 * time.Millisecond)
	for _, w := range all {
		require.True(t, rung(w))
	}
	require.Less(t, bell.armed, 1000)
}

// TestAlarms_WokenTooEarly: the bell may be early; it is armed again, and nobody else notices.
func TestAlarms_WokenTooEarly(t *testing.T) {
	a, bell := handAlarms()
	w := a.set(time.Millisecond)
	bell.at += time.Millisecond - 1
	require.True(t, a.ring())
	require.False(t, rung(w))
	bell.advance(1)
	require.True(t, rung(w))
	a.leave(w)
	require.False(t, a.ring(), "nobody is left")
}

// TestAlarms_OfWhichClock: the system's are for clocks that show the system's time; others keep to the runtime's
// timers, which testing/synctest can move, and so do all in a bubble.
func TestAlarms_OfWhichClock(t *testing.T) {
	strict, err := NewLocalClock()
	require.NoError(t, err)
	for _, local := range []LocalClock{strict, NewFastClock(strict, 0)} {
		c := New(local, Options{})
		if ofTheSystem(local) {
			require.Same(t, systemAlarms(), c.wakers())
		} else {
			require.NotEqual(t, "linux", runtime.GOOS)
		}
		synctest.Test(t, func(t *testing.T) { require.Same(t, c.alarms, c.wakers()) })
	}
	for _, local := range []LocalClock{nil, struct{ LocalClock }{strict}} {
		c := New(local, Options{})
		require.Same(t, c.alarms, c.wakers())
	}
}
