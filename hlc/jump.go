package hlc

import (
	"cmp"
	"slices"
	"time"
)

// Jump is a move of the wall clock that the monotonic clock did not see.
type Jump struct {
	Step     time.Duration // positive: forward
	Wall     int64         // what the wall clock says, unix ns
	Expected int64         // what it would say without the jump, unix ns
}

// JumpPolicy decides whether a jump is believed. It may report it first, or raise an alarm. Until it
// returns, the time of day goes on without the jump. It must not call Accept: to return true is that.
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
	s := JumpStats{
		Jumps: w.jumps.Load(), Refused: w.refused.Load(), Confirmed: w.confirmed.Load(),
		Disputed: time.Duration(w.disputed.Load()),
	}
	if last := w.last.Load(); last != nil {
		s.Last = *last
	}
	return s
}

// Accept believes the jump that is refused, if there is one, and reports whether there was.
func (w *WallClock) Accept() bool {
	w.looking.Lock()
	defer w.looking.Unlock()
	w.compare()
	return w.confirm()
}

// look compares the clocks and returns the time of day. While another goroutine is at
// it, or this one is in its JumpPolicy, the last result stands.
func (w *WallClock) look() int64 {
	if w.looking.TryLock() {
		defer w.looking.Unlock()
		w.compare()
	}
	return w.mono() + w.offset.Load()
}

// hint is told of a remote wall time that is too far ahead. If the wall clock jumped and
// shows about the same, the jump is believed: one of two clocks may be wrong, but hardly
// both in the same way.
func (w *WallClock) hint(remote int64) {
	if !w.looking.TryLock() {
		return
	}
	defer w.looking.Unlock()
	w.compare()
	shown := w.mono() + w.offset.Load() + w.disputed.Load()
	if abs(remote-shown) <= w.maxJump {
		w.confirm()
	}
}

// slewShift: since the last look, however long ago, the wall clock may have been slewed by one part in 2^10, or
// the monotonic clock be off by that. (On Linux they are slewed together; elsewhere they are not.)
const slewShift = 10

// compare moves the offset to what the wall clock says, if that is no jump or the
// policy believes it. The caller holds the mutex.
func (w *WallClock) compare() {
	wall, mono := w.steadyReading()
	slept := w.sleep()
	offset := w.offset.Load() + slept - w.slept // the monotonic clock did not see the sleep
	w.slept = slept
	step, disputed := wall-mono-offset, w.disputed.Load()
	allowed := w.maxJump + max(0, mono-w.until.Load()+w.anchor)>>slewShift
	switch {
	case abs(step) <= allowed:
		offset, disputed = offset+step, 0
	case disputed != 0 && abs(step-disputed) <= allowed:
		disputed = step // the same one, and asked about already
	case w.jumped(Jump{Step: time.Duration(step), Wall: wall, Expected: mono + offset}):
		offset, disputed = offset+step, 0
	default:
		disputed = step
	}
	w.disputed.Store(disputed)
	w.offset.Store(offset)
	w.until.Store(mono + w.anchor)
}

// jumped counts a jump and asks the policy.
func (w *WallClock) jumped(j Jump) (believe bool) {
	w.jumps.Add(1)
	w.last.Store(&j)
	believe = w.policy(j)
	if !believe {
		w.refused.Add(1)
	}
	return believe
}

// confirm believes the refused jump, if there is one.
func (w *WallClock) confirm() bool {
	disputed := w.disputed.Load()
	if disputed == 0 {
		return false
	}
	w.offset.Add(disputed)
	w.disputed.Store(0)
	w.confirmed.Add(1)
	return true
}

// steadyReading reads both clocks at about the same moment: of three readings the one with the
// median difference, so that one during which the process stood still does not count.
func (w *WallClock) steadyReading() (wall, mono int64) {
	type reading struct{ wall, mono int64 }
	var r [3]reading
	for i := range r {
		r[i].wall, r[i].mono = w.both()
	}
	slices.SortFunc(r[:], func(a, b reading) int { return cmp.Compare(a.wall-a.mono, b.wall-b.mono) })
	return r[1].wall, r[1].mono
}

func abs(x int64) int64 { return max(x, -x) }
