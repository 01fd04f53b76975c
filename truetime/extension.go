package truetime

import (
	"errors"
	"sync/atomic"
	"time"
)

// extension serves a strict clock's readings between two looks at it, by
// counting ticks of something that is cheaper to read:
//
//	strict      R
//	ticks  ──┬──┴──┬─────────────┬──▶
//	      before  after         now
//
// R was read between two looks at the ticks, so from R to now between now − after − 1
// and now − before + 1 ticks have passed, whole ones being counted. With the least and the most nanoseconds that a tick may
// last, that is a range for what the strict clock reads now, and half of it is the slack.
//
// There is no goroutine: the reader who finds R too old looks at the strict clock
// itself. Readers never wait and never allocate. R and what belongs to it lie
// under a sequence lock; whoever meets a writer there takes the strict reading for himself.
//
// Earliest must not go back (I3), and two strict readings are exact while what follows
// them is not. So each strict reading that is handed out raises a floor,
// and no later reading begins below it; a reader loads the floor before the
// ticks, so the strict clock has passed it.
type extension struct {
	strict LocalClock
	ticks  func() int64
	tempo  func(look) tempo // called by one goroutine at a time

	floor   atomic.Pointer[epochFloor]
	writing atomic.Bool
	seq     atomic.Uint32 // odd while anchor is written
	anchor  struct {
		epoch        atomic.Uint64
		nanos, after atomic.Int64
		spread, base atomic.Uint64 // slack is age × spread + base
		shortest     atomic.Uint64
		limit        atomic.Uint64
	}
}

// look is a strict reading between two looks at the ticks.
type look struct {
	Reading
	before, after int64
}

// tempo says how long a tick lasts, in nanoseconds of the strict clock times
// 2³², and for how many ticks a reading may be extended; 0: not at all. limit × longest is below 2⁶².
type tempo struct {
	shortest, longest uint64
	limit             uint64
}

// epochFloor is the highest strict reading that was handed out in an epoch.
type epochFloor struct {
	epoch uint64
	nanos atomic.Int64
}

func (x *extension) init(strict LocalClock, ticks func() int64, tempo func(look) tempo) {
	if strict == nil {
		strict = noClock{}
	}
	x.strict, x.ticks, x.tempo = strict, ticks, tempo
	x.floor.Store(&epochFloor{})
}

// Read returns a reading with slack, or a strict one without. Errors are those
// of the strict clock.
func (x *extension) Read() (Reading, error) {
	floor := x.floor.Load()
	low := floor.nanos.Load()
	now := x.ticks()
	a := &x.anchor // after the ticks, in whose shadow these loads cost nothing
	seq := x.seq.Load()
	epoch, nanos := a.epoch.Load(), a.nanos.Load()
	shortest, spread, base := a.shortest.Load(), a.spread.Load(), a.base.Load()
	age := uint64(now - a.after.Load()) // ticks that went back, or an anchor newer than they are, make it endless
	if age >= a.limit.Load() || seq&1 != 0 || x.seq.Load() != seq || epoch != floor.epoch {
		return x.look()
	}
	early := nanos + int64(age*shortest-shortest)>>32
	slack := int64((age*spread + base) >> 32)
	if early < low {
		early = low
	}
	return Reading{Nanos: early + slack, Epoch: epoch, Slack: time.Duration(slack)}, nil
}

// slack returns what Read adds to the early end of a reading on each side, so
// that its late end is not below R + 1 + (age + width + 1) × longest: whole numbers
// hide up to a tick on either side, and R up to a nanosecond. The early end is
// rounded down and so is the slack; 2 ns make up for both.
func (t tempo) slack(width uint64) (spread, base uint64) {
	return (t.longest-t.shortest)/2 + 1, ((width+1)*t.longest+t.shortest)/2 + 1 + 2<<32
}

// EpochCause says why the strict clock's current epoch began, if it can.
func (x *extension) EpochCause() string {
	if e, ok := x.strict.(EpochExplainer); ok {
		return e.EpochCause()
	}
	return ""
}

// Strict returns the clock that this one follows.
func (x *extension) Strict() LocalClock { return x.strict }

var errEpochsGoBack = errors.New("truetime: the strict clock went back to an earlier epoch")

// look reads the strict clock and leaves the reading for those who come after.
// A reading of an epoch older than one already handed out is taken again: it was
// overtaken.
func (x *extension) look() (Reading, error) {
	for range 10 {
		l := look{before: x.ticks()}
		var err error
		if l.Reading, err = x.strict.Read(); err != nil {
			return Reading{}, err
		}
		l.after = x.ticks()
		if l.Slack != 0 {
			return l.Reading, nil // not strict, so nothing to extend
		}
		if x.raise(l.Reading) {
			x.leave(l)
			return l.Reading, nil
		}
	}
	return Reading{}, errEpochsGoBack
}

// raise lifts the floor to r, or returns false if r's epoch has ended.
func (x *extension) raise(r Reading) bool {
	for {
		f := x.floor.Load()
		if r.Epoch < f.epoch {
			return false
		}
		if r.Epoch > f.epoch {
			next := &epochFloor{epoch: r.Epoch}
			next.nanos.Store(r.Nanos)
			if x.floor.CompareAndSwap(f, next) {
				return true
			}
			continue
		}
		for low := f.nanos.Load(); low < r.Nanos && !f.nanos.CompareAndSwap(low, r.Nanos); low = f.nanos.Load() {
		}
		return true
	}
}

// leave makes l the anchor, unless somebody else is about to or the anchor may
// still be extended at l: what was read from it after l could then lie above
// what follows from l. A look that was interrupted, so that R lies somewhere in
// a long time, is not extended.
func (x *extension) leave(l look) {
	if !x.writing.CompareAndSwap(false, true) {
		return
	}
	defer x.writing.Store(false)
	a := &x.anchor
	if a.epoch.Load() == l.Epoch && (l.Nanos < a.nanos.Load() || uint64(l.before-a.after.Load()) < a.limit.Load()) || l.Epoch < a.epoch.Load() {
		return
	}
	t := x.tempo(l)
	width := uint64(l.after - l.before)
	if width > t.limit/8 {
		t.limit = 0
	}
	x.seq.Add(1)
	a.epoch.Store(l.Epoch)
	a.nanos.Store(l.Nanos)
	a.after.Store(l.after)
	a.shortest.Store(t.shortest)
	spread, base := t.slack(width)
	a.spread.Store(spread)
	a.base.Store(base)
	a.limit.Store(t.limit)
	x.seq.Add(1)
}
