package hlc

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Clock is a hybrid logical clock. Make one with [New]. It is safe for concurrent use; its calls do
// not allocate, except for a refusal and for the first sight of a peer.
//
// The last timestamp is kept in two words. Nearly always physical time has
// advanced since the last event, its logical part is 0, and one
// compare-and-swap of the first word is the whole event. Only when physical
// time stands still or is behind is there a logical part; the slow bit says so,
// and as long as it is set only the holder of the mutex looks at or changes the rest.
type Clock struct {
	rules
	wall   *WallClock            // or
	read   Physical              // the physical clock
	latest func() (int64, error) // nil: the physical clock

	state   atomic.Uint64 // wall<<1 | slow; the wall part never falls
	slow    sync.Mutex
	logical uint32 // of the last timestamp, if the slow bit is set
	counts  counts // of the slow way, and behind its mutex

	refused refusals
	peers   peers
}

const slowBit = 1

// Now stamps a local event, or a message about to be sent. Each result is higher
// than every timestamp that this clock issued or observed before.
//
// At the end of the range (2262, or that of the layout) physical time stands still for the
// clock, and it counts on. When nothing is left to count it returns the zero Timestamp,
// which nobody accepts.
func (c *Clock) Now() Timestamp {
	pt := c.issuable(c.physical())
	if c.advance(pt) {
		return Timestamp{WallTime: pt}
	}
	return c.step(pt, Timestamp{})
}

// advance is the fast way: it issues pt if nothing that is known is as high.
func (c *Clock) advance(pt int64) bool {
	s := c.state.Load()
	return s&slowBit == 0 && pt > wallOf(s) && c.state.CompareAndSwap(s, pack(pt, 0))
}

// Update stamps the receipt of a message that carries remote. The result is
// higher than remote and than everything this clock issued or observed before.
//
// Errors: [ErrUnset] for the zero timestamp; [*TooFarAheadError] beyond MaxLead;
// [*LogicalTooHighError] beyond MaxLogical; [*NoLatestError] for one ahead of the physical clock
// while Options.Latest fails; [ErrExhausted] for one from the end of the range. The clock
// is then as it was.
func (c *Clock) Update(remote Timestamp) (Timestamp, error) {
	ts, _, err := c.receive(remote)
	return ts, err
}

// UpdateFrom is Update, and keeps for Stats how far the peer's timestamps are ahead.
// The name should come from a small set: MaxPeers are kept.
func (c *Clock) UpdateFrom(peer string, remote Timestamp) (Timestamp, error) {
	ts, pt, err := c.receive(remote)
	if remote.IsZero() {
		return ts, err // it says nothing of the peer's clock
	}
	c.peers.heard(peer, remote.WallTime, pt, err != nil)
	return ts, err
}

func (c *Clock) receive(remote Timestamp) (ts Timestamp, pt int64, err error) {
	if pt, err = c.believe(remote); err != nil {
		return Timestamp{}, pt, c.refused.count(err)
	}
	at := c.issuable(pt)
	if at > remote.WallTime && c.advance(at) {
		return Timestamp{WallTime: at}, pt, nil
	}
	if ts = c.step(at, remote); ts.IsZero() {
		return Timestamp{}, pt, c.refused.count(ErrExhausted)
	}
	return ts, pt, nil
}

// Observe moves the clock to remote if that is higher, without an event of its
// own: the next Now is above it. It costs one atomic load if remote's wall time
// is in the past of the clock, and then succeeds whatever the limit. Other errors as in Update.
func (c *Clock) Observe(remote Timestamp) error {
	if remote.WallTime < wallOf(c.state.Load()) && !remote.IsZero() {
		return nil
	}
	if _, err := c.believe(remote); err != nil {
		return c.refused.count(err)
	}
	c.raise(remote)
	return nil
}

// ForceUpdate is Update for a remote timestamp that somebody vouches for: neither its lead nor
// its logical part is limited. Errors: [ErrUnset], [ErrExhausted].
//
// HAZARD: the clock, and all that hear from it and do not refuse, then go as far ahead as
// remote says, and nothing brings them back but time.
func (c *Clock) ForceUpdate(remote Timestamp) (Timestamp, error) {
	switch {
	case remote.IsZero():
		return Timestamp{}, c.refused.count(ErrUnset)
	case remote.WallTime > c.end:
		return Timestamp{}, c.refused.count(ErrExhausted)
	}
	c.refused.forced.Add(1)
	ts := c.step(c.issuable(c.physical()), remote)
	if ts.IsZero() {
		return Timestamp{}, c.refused.count(ErrExhausted)
	}
	return ts, nil
}

// Peek returns the highest timestamp that was issued or observed, without an
// event; the zero Timestamp if there was none. It does not read the physical clock.
func (c *Clock) Peek() Timestamp {
	if s := c.state.Load(); s&slowBit == 0 {
		return Timestamp{WallTime: wallOf(s)}
	}
	c.slow.Lock()
	defer c.slow.Unlock()
	return c.known(c.state.Load())
}

// Round returns the lowest timestamp that is not below t and that this clock could
// issue: one that has at most MaxLogical and packs into the Layout. It returns
// [ErrExhausted] if there is none. The clock stays as it is.
func (c *Clock) Round(t Timestamp) (Timestamp, error) {
	if t.WallTime < c.begin {
		t = Timestamp{WallTime: c.begin}
	}
	rounded, ok := c.round(t)
	if !ok {
		return Timestamp{}, ErrExhausted
	}
	return rounded, nil
}

// step issues the timestamp that follows the last one, remote and pt, or the zero one
// if there is none.
func (c *Clock) step(pt int64, remote Timestamp) Timestamp {
	c.slow.Lock()
	defer c.slow.Unlock()
	for {
		s := c.state.Load()
		next, ok := c.follow(c.known(s), pt, remote)
		if !ok {
			return Timestamp{}
		}
		if c.replace(s, next) {
			c.counts.issued(next, pt)
			return next
		}
	}
}

// raise makes t the last timestamp if it is higher.
func (c *Clock) raise(t Timestamp) {
	c.slow.Lock()
	defer c.slow.Unlock()
	for {
		s := c.state.Load()
		if !t.After(c.known(s)) || c.replace(s, t) {
			return
		}
	}
}

// known is the last timestamp. The caller holds the mutex.
func (c *Clock) known(s uint64) Timestamp {
	if s&slowBit == 0 {
		return Timestamp{WallTime: wallOf(s)}
	}
	return Timestamp{WallTime: wallOf(s), Logical: c.logical}
}

// replace makes t the last timestamp if the state is still s. The caller holds the
// mutex, so that nobody looks for the logical part before it is there.
func (c *Clock) replace(s uint64, t Timestamp) bool {
	if t.Logical == 0 {
		return c.state.CompareAndSwap(s, pack(t.WallTime, 0))
	}
	if !c.state.CompareAndSwap(s, pack(t.WallTime, slowBit)) {
		return false
	}
	c.logical = t.Logical
	return true
}

// believe checks remote against the physical clock. What looks too far ahead gets a
// second look: the wall clock may have been set since the last one.
func (c *Clock) believe(remote Timestamp) (pt int64, err error) {
	pt = c.physical()
	latest := pt
	if c.latest != nil && remote.WallTime > pt {
		reading, err := c.latest()
		if err != nil {
			return pt, &NoLatestError{Remote: remote, Err: err}
		}
		latest = max(pt, c.within(reading))
	}
	err = c.check(remote, pt, latest)
	if err != nil && c.wall != nil && c.latest == nil && errors.As(err, new(*TooFarAheadError)) {
		c.wall.hint(remote.WallTime)
		pt = c.physical()
		err = c.check(remote, pt, pt)
	}
	return pt, err
}

// physical reads the physical clock.
func (c *Clock) physical() int64 {
	if c.wall != nil {
		return c.within(c.wall.Now())
	}
	return c.within(c.read())
}

func pack(wall int64, bit uint64) uint64 { return uint64(wall)<<1 | bit }

func wallOf(s uint64) int64 { return int64(s >> 1) }
