package hlc

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of WallOptions.
const (
	DefaultAnchor  = 100 * time.Millisecond
	DefaultMaxJump = 500 * time.Millisecond
)

// EveryReading as WallOptions.Anchor asks the wall clock at each reading.
const EveryReading time.Duration = -1

// WallOptions configures a [WallClock]. The zero value is ready to use.
type WallOptions struct {
	// Anchor is for how long the monotonic clock stands in for the wall clock, at about half the
	// cost: a jump of the wall clock is seen that much later. At most a second; 0 means DefaultAnchor.
	Anchor time.Duration
	// MaxJump is by how much the wall clock may move against the monotonic clock between
	// two looks, in either direction, before Jumps is asked; 0 means DefaultMaxJump. Looks are
	// at most a second apart, if the clock is read that often.
	MaxJump time.Duration
	// Jumps judges a jump; nil means RefuseJumps.
	Jumps JumpPolicy
}

// WallClock is the time of day of the operating system, behind a gate: where it moves
// otherwise than the monotonic clock, somebody has set it, and a clock that is set wrongly
// would take a hybrid clock with it for good. So a jump is judged before it counts, as
// a remote timestamp is. Time that the machine slept, where the system can tell (Linux),
// is no jump.
//
// A jump that the policy refuses stays refused, and the time of day goes on as the monotonic
// clock does, until one of these:
//
//   - the wall clock comes back to within MaxJump;
//   - a remote timestamp arrives that is too far ahead, except by what the wall clock
//     says now: two clocks that know nothing of each other then agree. A machine
//     that was paused for an hour is so cured by the first message;
//   - somebody who knows calls Accept.
//
// A wall clock that is slewed, and not set, is followed at any rate.
//
// HAZARD: the first reading is believed as it is.
//
// It is safe for concurrent use and may be shared by clocks.
type WallClock struct {
	base time.Time   // monotonic time counts from here
	fake *fakeClocks // nil outside of tests

	everyReading bool
	anchor       int64
	maxJump      int64
	policy       JumpPolicy

	offset   atomic.Int64 // believed wall − monotonic
	until    atomic.Int64 // monotonic time of the next look
	disputed atomic.Int64 // wall clock − believed time while a jump is refused; the monotonic clock stands in

	looking sync.Mutex // of whoever compares the clocks
	slept   int64      // behind it: at the last look

	jumps, refused, confirmed atomic.Uint64
	last                      atomic.Pointer[Jump]
}

// NewWallClock returns a clock that shows the time of day. It returns an error for
// negative options (other than EveryReading).
func NewWallClock(o WallOptions) (*WallClock, error) {
	w := &WallClock{base: time.Now()}
	if err := w.start(o); err != nil {
		return nil, err
	}
	return w, nil
}

// longestAnchor is the longest time between looks: a slew by 10 % stays far below
// the least sensible MaxJump.
const longestAnchor = int64(time.Second)

func (w *WallClock) start(o WallOptions) error {
	w.everyReading = o.Anchor == EveryReading
	if o.Anchor == 0 {
		o.Anchor = DefaultAnchor
	}
	if w.everyReading {
		o.Anchor = time.Second
	}
	if o.MaxJump == 0 {
		o.MaxJump = DefaultMaxJump
	}
	if o.Anchor < 0 || o.MaxJump < 0 {
		return errors.New("hlc: Anchor or MaxJump is negative")
	}
	if o.Jumps == nil {
		o.Jumps = RefuseJumps
	}
	w.anchor, w.maxJump, w.policy = min(int64(o.Anchor), longestAnchor), int64(o.MaxJump), o.Jumps
	wall, mono := w.steadyReading()
	w.slept = w.sleep()
	w.offset.Store(wall - mono)
	w.until.Store(mono + w.anchor)
	return nil
}

// Now returns the time of day in unix ns. It is a [Physical].
func (w *WallClock) Now() int64 {
	if w.everyReading && w.disputed.Load() == 0 {
		wall, mono := w.both()
		if mono < w.until.Load() && abs(wall-mono-w.offset.Load()) <= w.maxJump {
			return wall
		}
		return w.look()
	}
	if mono := w.mono(); mono < w.until.Load() {
		return mono + w.offset.Load()
	}
	return w.look()
}

// fakeClocks stand in tests for the clocks of the system.
type fakeClocks struct{ wall, mono, slept func() int64 }

// mono reads the monotonic clock, in ns since base.
func (w *WallClock) mono() int64 {
	if w.fake != nil {
		return w.fake.mono()
	}
	return int64(time.Since(w.base))
}

// both reads both clocks, the wall clock within what timestamps hold, so that
// differences do not wrap.
func (w *WallClock) both() (wall, mono int64) {
	if w.fake != nil {
		wall, mono = w.fake.wall(), w.fake.mono()
	} else {
		t := time.Now()
		wall, mono = t.UnixNano(), int64(t.Sub(w.base))
	}
	return min(max(wall, 0), lastWall), mono
}

func (w *WallClock) sleep() int64 {
	if w.fake != nil {
		return w.fake.slept()
	}
	return asleep()
}
