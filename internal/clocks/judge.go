package clocks

import (
	"math"
	"time"
)

// Kind is what was done to the clocks.
type Kind string

// The kinds of events.
const (
	Step    Kind = "step"     // the wall clock was set: Size
	Suspend Kind = "suspend"  // the machine slept: Size
	Slew    Kind = "slew"     // the clocks began to run at another rate: Rate, against RAW
	SlewEnd Kind = "slew_end" // and run as before: Size is by how much that moved them, in For
	Leap    Kind = "tai"      // TAI − REALTIME was set, or a leap second came: Size
)

// Event is something that was noticed at a sandwich.
type Event struct {
	Kind   Kind
	Wall   int64         // REALTIME when it was noticed, unix nanoseconds
	Within time.Duration // it began no longer than that before, by RAW
	Size   time.Duration // positive: forward
	Error  time.Duration // of Size
	Rate   Rate          // of a slew
	For    time.Duration // how long a slew lasted, by RAW, since it was certain
}

const (
	// stepLeast is the smallest step that counts, beyond what is certain: sandboxes that make the
	// clocks themselves do not keep them together to a nanosecond.
	stepLeast = int64(10 * time.Microsecond)
	// suspendLeast is what truetime takes for a suspend, too.
	suspendLeast = int64(time.Millisecond)
	// aloneLeast is the smallest step where the wall clock has no other clock to go with.
	aloneLeast = int64(20 * time.Millisecond)
	// taiLeast: TAI − UTC changes by whole seconds.
	taiLeast = int64(time.Second / 2)
)

// Judge is what is known of the clocks after some sandwiches. It has no clock of its own: Next
// is a function of what it is given.
type Judge struct {
	seen             bool
	last             Sandwich
	step, sleep, tai Range // REALTIME − BOOTTIME, BOOTTIME − MONOTONIC, TAI − REALTIME since they last changed

	base  Rate     // of MONOTONIC against RAW when nobody slews
	based bool     // it is known
	from  Sandwich // where the window of the rate begins

	// The quiet window before it, which counts for base if the one after it is quiet too: else
	// the slew may have begun in it.
	quiet     Rate
	quietFrom Sandwich
	isQuiet   bool

	slewing, told bool
	began         Sandwich      // it began no earlier
	certain       Sandwich      // where the window began in which it was first certain
	rate          Rate          // of the slew, where it was furthest from base
	blur          time.Duration // what the one before it, the other way, may have moved of its size
}

// NewJudge returns one that has seen nothing. rate is what the kernel says of the frequency:
// how much faster than RAW it lets MONOTONIC run. NaN: not known, then it is what the first
// window shows. More than 500 ppm is no frequency but a slew.
func NewJudge(rate float64) Judge {
	if math.Abs(rate) <= steadyMost {
		return Judge{base: Rate{rate, kernelError}, based: true}
	}
	return Judge{base: Rate{0, steadyMost}}
}

// Next adds a sandwich and returns what it shows. A torn one is left out, and what it hides
// shows in the next.
func (j Judge) Next(s Sandwich) (Judge, []Event) {
	if s.Torn() {
		return j, nil
	}
	step, sleep, tai := s.Difference(Realtime, Boottime), s.Difference(Boottime, Monotonic), s.Difference(TAI, Realtime)
	if !j.seen {
		j.seen, j.last, j.from, j.step, j.sleep, j.tai = true, s, s, step, sleep, tai
		return j, nil
	}
	var events []Event
	note := func(e Event) {
		e.Wall, e.Within = s.Reading(Realtime), max(e.Within, time.Duration(s.Raw[1]-j.last.Raw[0]))
		events = append(events, e)
	}
	least := stepLeast
	if s.Alone {
		least = aloneLeast
	}
	slept := false
	if j.sleep, slept = constant(j.sleep, sleep, suspendLeast, Suspend, note); slept {
		j.from, j.isQuiet = s, false
	}
	j.step, _ = constant(j.step, step, least, Step, note)
	j.tai, _ = constant(j.tai, tai, taiLeast, Leap, note)
	j = j.slews(s, note)
	j.last = s
	return j, events
}

// constant compares a difference that should be constant with what it is known to be. Each
// sandwich narrows that; one that contradicts it by more than least is an event.
func constant(known, now Range, least int64, kind Kind, note func(Event)) (Range, bool) {
	common, ok := known.meet(now)
	if ok {
		return common, false
	}
	if now.Least <= known.Most+least && now.Most >= known.Least-least {
		return now, false
	}
	moved := now.minus(known)
	note(Event{Kind: kind, Size: moved.Middle(), Error: moved.Error()})
	return now, true
}

// Last returns the last sandwich that was not torn.
func (j Judge) Last() Sandwich { return j.last }
