package truetime

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"
	"time"
)

// alarms wakes those who wait. However many they are there is one timer, for the next due alarm, and
// those who are due at nearly the same moment share an alarm:
//
//   - up to exactAlarms of them are due to the nanosecond;
//   - beyond that a new one may be late by a 64th of its wait, rounded down to a power of two: it joins another that is due within that
//     time, or is due at a multiple of it.
//
// So for each doubling of the time until they are due there are at most 128 alarms beyond the exact ones.
type alarms struct {
	mu      sync.Mutex
	bell    bell
	pending []*alarm // by due
}

// bell is the timer under the alarms. Its methods are called with the mutex of the alarms held.
type bell interface {
	now() time.Duration // on the clock that it follows
	arm(time.Duration)  // has alarms.ring called when that has passed, in place of what was armed before
	rest(rung bool)     // nothing is pending; rung says that it has just called ring
}

// alarm is a moment at which somebody wakes up.
type alarm struct {
	due     time.Duration
	waiters int           // 0 when it has rung
	rung    chan struct{} // closed when it rings; never if all have left before
}

const (
	exactAlarms = 64
	leastLate   = 1 << 14 // ns; 16 µs would not be noticed beside what waking up takes
)

// newAlarms are on the runtime's timers.
func newAlarms() *alarms {
	a := &alarms{}
	a.bell = &timerBell{a: a, began: time.Now()}
	return a
}

// wakers are the alarms for who waits now: the system's for a clock that shows the system's time, unless the caller is in a bubble of
// testing/synctest, where time is not that of the system.
func (c *Clock) wakers() *alarms {
	if ofTheSystem(c.local) && !inBubble() {
		return systemAlarms()
	}
	return c.alarms
}

// ofTheSystem says that a local clock shows the time of the system's timers.
func ofTheSystem(local LocalClock) bool {
	s, ok := local.(interface{ ofTheSystem() bool })
	return ok && s.ofTheSystem()
}

// set returns an alarm that rings in d, or a little later. Whoever does not wait for it leaves it.
func (a *alarms) set(d time.Duration) *alarm {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := a.bell.now() + d
	i := a.search(due)
	if len(a.pending) >= exactAlarms {
		late := lateness(d)
		if i < len(a.pending) && a.pending[i].due < due+late {
			due = a.pending[i].due
		} else {
			due = (due + late - 1) &^ (late - 1)
			i = a.search(due)
		}
	}
	if i < len(a.pending) && a.pending[i].due == due {
		a.pending[i].waiters++
		return a.pending[i]
	}
	w := &alarm{due: due, waiters: 1, rung: make(chan struct{})}
	a.pending = slices.Insert(a.pending, i, w)
	if i == 0 {
		a.bell.arm(due - a.bell.now())
	}
	return w
}

// lateness is how late who waits for d may be if there are many.
func lateness(d time.Duration) time.Duration {
	const share = 6 // 2⁶
	return max(leastLate, time.Duration(1)<<max(0, bits.Len64(uint64(d>>share))-1))
}

// search returns the place of the first alarm that is due then or later.
func (a *alarms) search(due time.Duration) int {
	i, _ := slices.BinarySearchFunc(a.pending, due, func(w *alarm, due time.Duration) int { return cmp.Compare(w.due, due) })
	return i
}

// leave says that somebody does not wait for an alarm any more.
func (a *alarms) leave(w *alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w.waiters == 0 {
		return // it has rung meanwhile
	}
	if w.waiters--; w.waiters == 0 {
		i := a.search(w.due)
		a.pending = slices.Delete(a.pending, i, i+1)
		if len(a.pending) == 0 {
			a.bell.rest(false)
		}
	}
}

// ring wakes everybody who is due, and arms the bell for the next. It says whether there is one.
func (a *alarms) ring() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	due := a.search(a.bell.now() + 1)
	for _, w := range a.pending[:due] {
		w.waiters = 0
		close(w.rung)
	}
	a.pending = slices.Delete(a.pending, 0, due)
	if len(a.pending) == 0 {
		a.bell.rest(true)
		return false
	}
	a.bell.arm(max(1, a.pending[0].due-a.bell.now()))
	return true
}

// timerBell follows the runtime's clock, which may be a virtual one.
type timerBell struct {
	a     *alarms
	began time.Time
	timer *time.Timer // nil while nothing is pending: a bubble of testing/synctest keeps its timers
}

func (b *timerBell) now() time.Duration { return time.Since(b.began) }

func (b *timerBell) arm(d time.Duration) {
	if b.timer == nil {
		b.timer = time.AfterFunc(d, func() { b.a.ring() })
		return
	}
	b.timer.Reset(d)
}

func (b *timerBell) rest(bool) {
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}
