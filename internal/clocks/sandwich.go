package clocks

import (
	"fmt"
	"time"
)

// Clock is one of the machine's clocks.
type Clock int

// The clocks, by their Linux names.
const (
	Realtime  Clock = iota // the wall clock, since 1970 UTC
	Monotonic              // is slewed and never stepped; stands still in suspend
	Raw                    // the hardware's count, not even slewed; stands still in suspend
	Boottime               // Monotonic that runs on in suspend
	TAI                    // Realtime without leap seconds, if somebody told the kernel TAI − UTC
)

func (c Clock) String() string {
	return [...]string{"REALTIME", "MONOTONIC", "RAW", "BOOTTIME", "TAI"}[c]
}

// Sandwich is all clocks read as good as at once, in nanoseconds. Three are read before and
// after those within:
//
//	RAW BOOTTIME REALTIME MONOTONIC TAI REALTIME BOOTTIME RAW
//
// so that whatever happens in between (a pause, a suspend, a step) shows in one of them.
type Sandwich struct {
	Raw, Boot, Real [2]int64 // before and after
	Mono, TAI       int64
	// Alone says that the system has one counter only, which stands for RAW, BOOTTIME and
	// MONOTONIC. The wall clock may then be slewed on its own, and tick coarsely.
	Alone bool
	// Tick is how far a clock may be behind itself, because it moves in ticks that the others do not
	// share. The clocks of Linux all count one counter, however coarse that is: 0.
	Tick int64
}

// take reads the clocks in the order of a Sandwich.
func take(clock func(Clock) (int64, error)) (s Sandwich, err error) {
	for _, step := range []struct {
		clock Clock
		to    *int64
	}{
		{Raw, &s.Raw[0]}, {Boottime, &s.Boot[0]}, {Realtime, &s.Real[0]}, {Monotonic, &s.Mono}, {TAI, &s.TAI},
		{Realtime, &s.Real[1]}, {Boottime, &s.Boot[1]}, {Raw, &s.Raw[1]},
	} {
		if *step.to, err = clock(step.clock); err != nil {
			return Sandwich{}, fmt.Errorf("clocks: %v cannot be read: %w", step.clock, err)
		}
	}
	return s, nil
}

// tries is how many sandwiches are taken for one; the narrowest counts, since a busy machine
// interrupts some of them.
const tries = 8

func narrowest(clock func(Clock) (int64, error)) (best Sandwich, err error) {
	for try := range tries {
		s, err := take(clock)
		if err != nil {
			return Sandwich{}, err
		}
		if try == 0 || best.Torn() && !s.Torn() || best.Torn() == s.Torn() && s.Width() < best.Width() {
			best = s
		}
	}
	return best, nil
}

// Width is how long reading the clocks took, by RAW: every reading is of a moment within it.
func (s Sandwich) Width() time.Duration { return time.Duration(s.Raw[1] - s.Raw[0]) }

// Torn reports whether the clocks moved apart while they were read: a step or a suspend came in
// between, and differences within the sandwich mean nothing.
func (s Sandwich) Torn() bool {
	raw, boot, wall := s.Raw[1]-s.Raw[0], s.Boot[1]-s.Boot[0], s.Real[1]-s.Real[0]
	coarse := int64(rounding)
	if s.Alone {
		coarse += aloneLeast
	}
	return raw < 0 || boot < 0 || wall < 0 || wall > boot+coarse || boot > raw+slewed(raw)+rounding
}

// rounding is what the kernel's whole nanoseconds can make of one difference.
const rounding = 2

// slewed is the most by which a clock may run apart from RAW in such a time: a quarter. The
// kernel accepts a tick 10 % off, and its loop may add 12.5 % (docs/local-clocks.md).
func slewed(d int64) int64 { return d/4 + 1 }

// Reading returns what the clock showed: of those read twice the middle.
func (s Sandwich) Reading(c Clock) int64 {
	before, after := s.of(c)
	return before + (after-before)/2
}

func (s Sandwich) of(c Clock) (before, after int64) {
	switch c {
	case Raw:
		return s.Raw[0], s.Raw[1]
	case Boottime:
		return s.Boot[0], s.Boot[1]
	case Realtime:
		return s.Real[0], s.Real[1]
	case TAI:
		return s.TAI, s.TAI
	}
	return s.Mono, s.Mono
}

// depth is the place of a clock in the sandwich: of two clocks, the one of lower depth was read
// before and after the other.
func depth(c Clock) int { return [...]int{Realtime: 2, Monotonic: 3, Raw: 0, Boottime: 1, TAI: 3}[c] }

// Difference returns what c − d was when the inner one of the two was read, which the outer one
// was before and after. It means something if the sandwich is not torn.
func (s Sandwich) Difference(c, d Clock) Range {
	switch {
	case c == d:
		return Range{}
	case depth(c) == depth(d): // MONOTONIC and TAI stand side by side, within REALTIME
		return s.Difference(c, Realtime).minus(s.Difference(d, Realtime))
	case depth(c) > depth(d):
		return Range{}.minus(s.Difference(d, c))
	}
	c0, c1 := s.of(c)
	d0, d1 := s.of(d)
	r := Range{c0 - d0 - rounding, c1 - d1 + rounding}
	r.Least, r.Most = r.Least-s.Tick, r.Most+s.Tick
	if c == Raw { // the least is of d's first reading and the most of its second: what lies between
		r.Least, r.Most = r.Least-slewed(d1-d0), r.Most+slewed(d1-d0)
	}
	return r
}

// Range is a number of nanoseconds that is not known better than this.
type Range struct{ Least, Most int64 }

// Middle is the best guess, and Error how wrong that can be.
func (r Range) Middle() time.Duration { return time.Duration(r.Least + (r.Most-r.Least)/2) }

// Error is half of the width, rounded up.
func (r Range) Error() time.Duration { return time.Duration((r.Most - r.Least + 1) / 2) }

// minus is what a − b may be.
func (r Range) minus(b Range) Range { return Range{r.Least - b.Most, r.Most - b.Least} }

// meet returns what both say; ok is false if they contradict each other.
func (r Range) meet(b Range) (common Range, ok bool) {
	common = Range{max(r.Least, b.Least), min(r.Most, b.Most)}
	return common, common.Least <= common.Most
}

// Since returns the time from the middle of an earlier sandwich to the middle of this one, by RAW.
func (s Sandwich) Since(first Sandwich) time.Duration {
	return time.Duration(s.Reading(Raw) - first.Reading(Raw))
}
