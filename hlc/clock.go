package hlc

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxLead is how far a remote timestamp may be ahead unless configured:
// more than clocks that are looked after ever differ.
const DefaultMaxLead = 500 * time.Millisecond

// Unlimited turns the check of remote timestamps off. HAZARD: one message from a
// broken clock then moves this clock, and all that hear from it, as far ahead as it
// likes, and nothing brings them back.
const Unlimited time.Duration = math.MaxInt64

// Physical returns the time of day in nanoseconds since 1970-01-01 UTC. It may
// stand still or go back. It must be safe for concurrent use.
type Physical func() (unixNano int64)

// System returns the wall clock of the operating system.
func System() Physical { return func() int64 { return time.Now().UnixNano() } }

// Options configures a [Clock]. The zero value is ready to use.
type Options struct {
	// Physical is the clock underneath; System() if nil.
	Physical Physical
	// MaxLead is how far the wall time of a remote timestamp may lie above the
	// physical clock. 0 means DefaultMaxLead; Unlimited must be asked for.
	MaxLead time.Duration
}

// Clock is a hybrid logical clock. It is safe for concurrent use; its calls do
// not allocate.
//
// The last timestamp is kept in two words. Nearly always physical time has
// advanced since the last event, its logical part is 0, and one
// compare-and-swap of the first word is the whole event. Only when physical
// time stands still or is behind is there a logical part; the slow bit says so,
// and as long as it is set only the holder of the mutex changes either word.
type Clock struct {
	physical Physical
	maxLead  time.Duration

	state   atomic.Uint64 // wall<<1 | slow; the wall part never falls
	slow    sync.Mutex
	logical atomic.Uint32 // of the last timestamp, if the slow bit is set
}

const slowBit = 1

// lastWall caps physical and remote times one second before the end of the
// range. 4·10¹⁸ logical ticks fit above it, so Now never runs out.
const lastWall = math.MaxInt64 - int64(time.Second)

// New returns a clock. It returns an error for a negative MaxLead.
func New(o Options) (*Clock, error) {
	if o.MaxLead < 0 {
		return nil, errors.New("hlc: MaxLead is negative")
	}
	if o.MaxLead == 0 {
		o.MaxLead = DefaultMaxLead
	}
	if o.Physical == nil {
		o.Physical = System()
	}
	return &Clock{physical: o.Physical, maxLead: o.MaxLead}, nil
}

// Now stamps a local event, or a message about to be sent. Each result is higher
// than every timestamp that this clock issued or observed before.
func (c *Clock) Now() Timestamp {
	pt := c.physicalNow()
	if s := c.state.Load(); s&slowBit == 0 && pt > wallOf(s) && c.state.CompareAndSwap(s, pack(pt, 0)) {
		return Timestamp{WallTime: pt}
	}
	return c.step(pt, Timestamp{})
}

// Update stamps the receipt of a message that carries remote. The result is
// higher than remote and than everything this clock issued or observed before.
// It returns [ErrUnset] for the zero timestamp, a [*TooFarAheadError] beyond
// MaxLead and [ErrExhausted] for one from the last second of the range, and then
// leaves the clock as it was.
func (c *Clock) Update(remote Timestamp) (Timestamp, error) {
	pt := c.physicalNow()
	if err := c.check(remote, pt); err != nil {
		return Timestamp{}, err
	}
	return c.step(pt, remote), nil
}

// Observe moves the clock to remote if that is higher, without an event of its
// own: the next Now is above it. It costs one atomic load if remote's wall time
// is in the past of the clock, and then succeeds whatever the limit. Other errors as in Update.
func (c *Clock) Observe(remote Timestamp) error {
	if !remote.IsZero() && remote.WallTime < wallOf(c.state.Load()) {
		return nil
	}
	if err := c.check(remote, c.physicalNow()); err != nil {
		return err
	}
	c.slow.Lock()
	defer c.slow.Unlock()
	for {
		s := c.state.Load()
		if !remote.After(c.last(s)) || c.replace(s, remote) {
			return nil
		}
	}
}

// Peek returns the highest timestamp that was issued or observed, without an
// event; the zero Timestamp if there was none. It takes no lock; while another goroutine moves the
// clock to a higher wall time, the logical part may still read 0.
func (c *Clock) Peek() Timestamp {
	for {
		s := c.state.Load()
		t := c.last(s)
		// The logical part belongs to s if s is still there: it is only changed
		// for another wall time after s was replaced.
		if c.state.Load() == s {
			return t
		}
	}
}

// step issues the timestamp that follows the last one, remote and pt.
func (c *Clock) step(pt int64, remote Timestamp) Timestamp {
	c.slow.Lock()
	defer c.slow.Unlock()
	for {
		s := c.state.Load()
		next := follow(c.last(s), pt, remote)
		if c.replace(s, next) {
			return next
		}
	}
}

// follow is the algorithm of the paper as a function: physical time if it is
// ahead of all that is known, else one logical tick above it.
func follow(last Timestamp, pt int64, remote Timestamp) Timestamp {
	if remote.After(last) {
		last = remote
	}
	if pt > last.WallTime {
		return Timestamp{WallTime: pt}
	}
	next, err := last.Next()
	if err != nil {
		return last // cannot happen: wall times are capped at lastWall
	}
	return next
}

// last is the last timestamp as s and logical say; s must be current for the
// result to mean anything.
func (c *Clock) last(s uint64) Timestamp {
	if s&slowBit == 0 {
		return Timestamp{WallTime: wallOf(s)}
	}
	return Timestamp{WallTime: wallOf(s), Logical: c.logical.Load()}
}

// replace makes t the last timestamp if the state is still s. The caller holds
// the mutex, and t is above what s says.
//
// Without the slow bit others may swap the state at any moment, so logical is
// written while nobody reads it: before the bit is set, or for the same wall
// time. A state that is slow already leaves slow mode first, at t's wall time.
func (c *Clock) replace(s uint64, t Timestamp) bool {
	if t.Logical == 0 {
		return c.state.CompareAndSwap(s, pack(t.WallTime, 0))
	}
	if s == pack(t.WallTime, slowBit) {
		c.logical.Store(t.Logical)
		return true
	}
	fast := pack(t.WallTime, 0)
	if !c.state.CompareAndSwap(s, fast) {
		return false
	}
	c.logical.Store(t.Logical)
	return c.state.CompareAndSwap(fast, pack(t.WallTime, slowBit))
}

// check refuses remote timestamps that are unset or too far ahead of pt.
func (c *Clock) check(remote Timestamp, pt int64) error {
	if remote.IsZero() {
		return ErrUnset
	}
	if remote.WallTime <= pt {
		return nil
	}
	lead := remote.WallTime - pt // pt ≥ 0, so it cannot wrap
	if time.Duration(lead) > c.maxLead {
		return &TooFarAheadError{Remote: remote, Physical: pt, Lead: time.Duration(lead), Limit: c.maxLead}
	}
	if remote.WallTime > lastWall {
		return ErrExhausted
	}
	return nil
}

// physicalNow reads the physical clock, within the range that a Clock can
// count on from: times before 1970 count as 1970.
func (c *Clock) physicalNow() int64 { return min(max(c.physical(), 0), lastWall) }

func pack(wall int64, bit uint64) uint64 { return uint64(wall)<<1 | bit }

func wallOf(s uint64) int64 { return int64(s >> 1) }
