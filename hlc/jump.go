package hlc

import (
	"time"
)

// Jump is a move of the wall clock that the monotonic clock did not see.
type Jump struct {
	Step     time.Duration // positive: forward
	Wall     int64         // what the wall clock says, unix ns
	Expected int64         // what it would say without the jump, unix ns
}

// JumpPolicy decides whether a jump is believed. It may report it first, or raise an alarm. Until it
// returns, the time of day goes on without the jump.
type JumpPolicy func(Jump) (believe bool)

// RefuseJumps believes none. See [WallClock] for how a refused jump comes to be
// believed after all.
func RefuseJumps(Jump) bool { return false }

// ReportJumps believes every jump; JumpStats counts them.
//
// HAZARD: a wall clock that is set an hour ahead then takes the hybrid clock there. It
// stays there for an hour after the wall clock is mended, and others refuse it.
func ReportJumps(Jump) bool { return true }

// JumpStats is what a [WallClock] has seen.
type JumpStats struct {
	Jumps     uint64        // moves beyond MaxJump
	Refused   uint64        // of them not believed at first
	Confirmed uint64        // of these believed later, because of a remote timestamp or by Accept
	Last      Jump          // zero: none yet
	Disputed  time.Duration // wall clock − believed time at the last look, as long as a jump is refused; else 0
}

// Stats returns the counts.
func (w *WallClock) Stats() JumpStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Accept believes the jump that is refused, if there is one, and reports whether there was.
func (w *WallClock) Accept() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.compare()
	return w.confirm()
}

// look compares the clocks and returns the time of day. If another goroutine is at
// it, or this one is in its JumpPolicy, the last result stands.
func (w *WallClock) look() int64 {
	if w.mu.TryLock() {
		defer w.mu.Unlock()
		w.compare()
	}
	return w.mono() + w.offset.Load()
}

// hint is told of a remote wall time that is too far ahead. If the wall clock jumped and
// shows about the same, the jump is believed: one of two clocks may be wrong, but hardly
// both in the same way.
func (w *WallClock) hint(remote int64) {
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	w.compare()
	shown := w.mono() + w.offset.Load() + int64(w.stats.Disputed)
	if w.stats.Disputed > 0 && abs(remote-shown) <= w.maxJump {
		w.confirm()
	}
}

// compare moves the offset to what the wall clock says, if that is no jump or the
// policy believes it. The caller holds the mutex.
func (w *WallClock) compare() {
	wall, mono := w.steadyReading()
	slept := w.sleep()
	offset := w.offset.Load() + slept - w.slept // the monotonic clock did not see the sleep
	w.slept = slept
	step := wall - mono - offset
	disputed := int64(w.stats.Disputed)
	switch {
	case abs(step) <= w.maxJump:
		w.stats.Disputed = 0
		offset += step
	case disputed != 0 && abs(step-disputed) <= w.maxJump:
		w.stats.Disputed = time.Duration(step)
	case w.jumped(Jump{Step: time.Duration(step), Wall: wall, Expected: mono + offset}):
		w.stats.Disputed = 0
		offset += step
	default:
		w.stats.Disputed = time.Duration(step)
	}
	w.disputed.Store(w.stats.Disputed != 0)
	w.offset.Store(offset)
	w.until.Store(mono + w.anchor)
}

// jumped counts a jump and asks the policy.
func (w *WallClock) jumped(j Jump) (believe bool) {
	w.stats.Jumps++
	w.stats.Last = j
	believe = w.policy(j)
	if !believe {
		w.stats.Refused++
	}
	return believe
}

// confirm believes the refused jump.
func (w *WallClock) confirm() bool {
	if w.stats.Disputed == 0 {
		return false
	}
	w.offset.Add(int64(w.stats.Disputed))
	w.stats.Disputed = 0
	w.stats.Confirmed++
	w.disputed.Store(false)
	return true
}

// steadyReading reads both clocks at about the same moment: of three readings the one with the
// median difference, so that one during which the process stood still does not count.
func (w *WallClock) steadyReading() (wall, mono int64) {
	var r [3]struct{ wall, mono int64 }
	for i := range r {
		r[i].wall, r[i].mono = w.both()
	}
	a, b, c := 0, 1, 2
	apart := func(i int) int64 { return r[i].wall - r[i].mono }
	if apart(a) > apart(b) {
		a, b = b, a
	}
	if apart(b) > apart(c) {
		b = c
	}
	if apart(a) > apart(b) {
		b = a
	}
	return r[b].wall, r[b].mono
}

func abs(x int64) int64 { return max(x, -x) }
