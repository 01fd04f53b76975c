package truetime

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Options configures a [Clock]. The zero value is ready to use.
type Options struct {
	// MaxUncertainty is the widest half width that Now hands out; wider
	// intervals become an [*UncertaintyError]. 0 means no limit.
	MaxUncertainty time.Duration
}

// Clock serves intervals from the last published [Bound]. Reading is lock-free
// and does not allocate. It is safe for concurrent use.
type Clock struct {
	local   LocalClock
	options Options
	alarms  *alarms // wake those who wait, unless the system's do

	update sync.Mutex // one Update at a time; readers never take it
	state  atomic.Pointer[state]
}

// state is what the clock knows. It is immutable and replaced as a whole.
type state struct {
	phase  State
	bound  Bound // valid in the phases Synchronized and Holdover
	reason error // why the phase is not Synchronized

	// floor is the generation that a bound of floorEpoch must at least have: the
	// disproved past must not come back.
	floor, floorEpoch uint64

	replaced chan struct{} // closed when another state has taken over
}

// New returns a clock that is not synchronized yet. local must be the same
// local clock that the bounds are measured with, or follow it (see [FastClock]); if it is nil every call fails.
func New(local LocalClock, options Options) *Clock {
	if local == nil {
		local = noClock{}
	}
	c := &Clock{local: local, options: options, alarms: newAlarms()}
	c.state.Store(&state{phase: Unsynchronized, reason: ErrUnsynchronized, replaced: make(chan struct{})})
	return c
}

// Now returns an interval that contains the true time at an instant within the
// call. So latest is not before the true time at which the call began, and earliest is not after
// the true time at which it returned.
//
// Errors: [ErrUnsynchronized] before the first bound, [ErrStale] when its
// samples are too old, [*DisruptedError] when the local clock lost continuity
// or the servers disproved each other, [*UncertaintyError] when the interval
// is wider than Options.MaxUncertainty. There is never a guess.
func (c *Clock) Now() (Interval, error) {
	interval, _, err := c.read()
	return interval, err
}

// read is readAny, but for intervals that are too wide.
func (c *Clock) read() (Interval, *state, error) {
	interval, s, err := c.readAny()
	if limit := c.options.MaxUncertainty; err == nil && limit > 0 && interval.Uncertainty() > limit {
		return Interval{}, s, &UncertaintyError{Have: interval.Uncertainty(), Max: limit}
	}
	return interval, s, err
}

// readAny loads the state first and reads the local clock afterwards, so that the
// reading can never be older than the bound, whatever its slack hides.
func (c *Clock) readAny() (Interval, *state, error) {
	s := c.state.Load()
	if s.phase != Synchronized && s.phase != Holdover {
		return Interval{}, s, s.reason
	}
	r, err := c.local.Read()
	if err != nil {
		return Interval{}, s, &DisruptedError{Cause: "the local clock cannot be read", Err: err}
	}
	if r.Epoch != s.bound.At.Epoch {
		return Interval{}, s, &DisruptedError{Cause: epochCause(c.local)}
	}
	interval, err := s.bound.intervalAfter(r)
	return interval, s, err
}

// After reports whether t has certainly passed: t is strictly before the
// earliest possible true time. Errors as in Now, and [ErrOutOfRange] for a t that
// 64-bit nanoseconds cannot hold, such as the zero time.
func (c *Clock) After(t time.Time) (bool, error) {
	nanos, err := unixNano(t)
	if err != nil {
		return false, err
	}
	now, err := c.Now()
	return err == nil && nanos < now.earliest, err
}

// Before reports whether t has certainly not arrived: t is strictly after the
// latest possible true time. Errors as in After.
func (c *Clock) Before(t time.Time) (bool, error) {
	nanos, err := unixNano(t)
	if err != nil {
		return false, err
	}
	now, err := c.Now()
	return err == nil && now.latest < nanos, err
}

// Update publishes a new bound, or the reason why there is none. It has the
// shape that ntpprobe's Prober.Run wants, and usually only that calls it.
//
// With reason == nil, b takes over, narrowed by what the bound before it still says.
// An invalid bound, one of another epoch, of a generation that was disproved, from the future,
// expired or older than the one in force is refused with a [*BoundError], and nothing changes. One that
// excludes the bound before it leaves the clock Disrupted and returns the [*DisruptedError].
//
// A reason that is a [*DisruptedError], or a [*NoQuorumError] that is Disproved, makes the clock
// Disrupted at once, until a bound with a higher generation or of a new epoch arrives; b
// is ignored. Anything else is lack of data (Holdover): the bound in force stays true and
// grows, and b, unless it is the zero Bound, still takes over.
func (c *Clock) Update(b Bound, reason error) error {
	c.update.Lock()
	defer c.update.Unlock()
	old := c.state.Load()
	if reason != nil && (b == Bound{} || disrupts(reason)) {
		c.replace(old, old.without(reason))
		return nil
	}
	if err := c.check(b, old); err != nil {
		return err
	}
	if old.phase == Synchronized || old.phase == Holdover {
		narrowed, err := b.Intersect(old.bound)
		if err != nil {
			c.replace(old, old.without(err))
			return err
		}
		b = narrowed
	}
	next := &state{phase: Synchronized, bound: b, floor: b.Generation, floorEpoch: b.At.Epoch}
	if reason != nil {
		next = next.without(reason)
	}
	c.replace(old, next)
	return nil
}

// check refuses bounds that must not take over from old.
func (c *Clock) check(b Bound, old *state) error {
	if err := b.Validate(); err != nil {
		return err
	}
	r, err := Strict(c.local).Read() // a clock with slack may see a new epoch later than who made the bound
	switch {
	case err != nil:
		return &BoundError{fmt.Sprintf("the local clock cannot be read: %v", err)}
	case r.Epoch != b.At.Epoch:
		return &BoundError{fmt.Sprintf("it belongs to epoch %d, the local clock is in epoch %d", b.At.Epoch, r.Epoch)}
	case b.At.Nanos > r.Late().Nanos:
		return &BoundError{"it was made in the future of the local clock"}
	case b.Expires < r.Late().Nanos:
		return &BoundError{"it has expired"}
	case b.At.Epoch == old.floorEpoch && b.Generation < old.floor:
		return &BoundError{fmt.Sprintf("its generation %d was disproved, at least %d is needed", b.Generation, old.floor)}
	case b.At.Epoch == old.bound.At.Epoch && b.Generation == old.bound.Generation && b.At.Nanos < old.bound.At.Nanos:
		return &BoundError{"it is older than the bound in force"}
	}
	return nil
}

// disrupts reports whether a reason disproves the bound in force.
func disrupts(reason error) bool {
	var noQuorum *NoQuorumError
	var disrupted *DisruptedError
	return errors.As(reason, &disrupted) || errors.As(reason, &noQuorum) && noQuorum.Disproved()
}

// without is the state that follows s when there is no bound for this reason.
func (s *state) without(reason error) *state {
	next := &state{phase: s.phase, bound: s.bound, reason: reason, floor: s.floor, floorEpoch: s.floorEpoch}
	var noQuorum *NoQuorumError
	var disrupted *DisruptedError
	switch {
	case errors.As(reason, &disrupted):
		next.disrupt(disrupted)
	case errors.As(reason, &noQuorum) && noQuorum.Disproved():
		next.disrupt(&DisruptedError{Cause: "the servers contradict each other: " + noQuorum.Detail(), Err: reason})
	case s.phase == Synchronized:
		next.phase = Holdover
	case s.phase == Unsynchronized:
		next.reason = fmt.Errorf("%w: %w", ErrUnsynchronized, reason)
	case s.phase == Disrupted:
		next.reason = s.reason // what disproved the past says more than what is missing now
	}
	return next
}

// disrupt forgets the bound and demands a higher generation than its own.
func (s *state) disrupt(reason *DisruptedError) {
	if s.phase == Synchronized || s.phase == Holdover {
		s.floor = s.bound.Generation + 1
	}
	s.phase, s.reason, s.bound = Disrupted, reason, Bound{}
}

func (c *Clock) replace(old, next *state) {
	next.replaced = make(chan struct{})
	c.state.Store(next)
	close(old.replaced)
}

// unixNano converts t without wrapping.
func unixNano(t time.Time) (int64, error) {
	const limit = math.MaxInt64 / int64(time.Second)
	if s := t.Unix(); s < -limit || s >= limit {
		return 0, ErrOutOfRange
	}
	return t.UnixNano(), nil
}

// noClock stands in for a missing local clock and fails closed.
type noClock struct{}

func (noClock) Read() (Reading, error) {
	return Reading{}, errors.New("truetime: New was given no local clock")
}
