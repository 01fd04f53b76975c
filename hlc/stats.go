package hlc

import (
	"errors"
	"sync/atomic"
	"time"
)

// Stats is what a [Clock] has seen since it was made.
type Stats struct {
	Last           Timestamp     // as Peek
	Lead           time.Duration // Last above the physical clock now; negative: below
	HighestLogical uint32        // that was issued
	Carries        uint64        // times that the logical part was full (or the layout held no such wall time) and the wall time went on instead
	Forced         uint64        // calls of ForceUpdate that were not refused
	Refused        Refused
	Jumps          JumpStats   // of the WallClock, if there is one
	Peers          []PeerStats // that UpdateFrom named, the furthest ahead first
}

// Refused counts remote timestamps that were refused, by the reason.
type Refused struct {
	Unset, TooFarAhead, LogicalTooHigh, NoLatest, Exhausted uint64
}

// Total is the sum.
func (r Refused) Total() uint64 {
	return r.Unset + r.TooFarAhead + r.LogicalTooHigh + r.NoLatest + r.Exhausted
}

// Stats returns what the clock has seen.
func (c *Clock) Stats() Stats {
	s := Stats{Last: c.Peek(), Refused: c.refused.load(), Forced: c.refused.forced.Load(), Peers: c.peers.stats()}
	s.Lead = time.Duration(s.Last.WallTime - c.physical()) // both within 0 … 2^63 − 1
	if c.wall != nil {
		s.Jumps = c.wall.Stats()
	}
	c.slow.Lock()
	defer c.slow.Unlock()
	s.HighestLogical, s.Carries = c.counts.highest, c.counts.carries
	return s
}

// counts of timestamps that were issued the slow way.
type counts struct {
	highest uint32
	carries uint64
}

// issued counts t, which was issued at physical time pt.
func (n *counts) issued(t Timestamp, pt int64) {
	n.highest = max(n.highest, t.Logical)
	if t.Logical == 0 && t.WallTime > pt {
		n.carries++
	}
}

type refusals struct {
	unset, far, logical, noLatest, exhausted, forced atomic.Uint64
}

// count counts err, if there is one, and returns it.
func (r *refusals) count(err error) error {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, ErrUnset):
		r.unset.Add(1)
	case errors.Is(err, ErrExhausted):
		r.exhausted.Add(1)
	case errors.As(err, new(*TooFarAheadError)):
		r.far.Add(1)
	case errors.As(err, new(*LogicalTooHighError)):
		r.logical.Add(1)
	default:
		r.noLatest.Add(1)
	}
	return err
}

func (r *refusals) load() Refused {
	return Refused{
		Unset: r.unset.Load(), TooFarAhead: r.far.Load(), LogicalTooHigh: r.logical.Load(),
		NoLatest: r.noLatest.Load(), Exhausted: r.exhausted.Load(),
	}
}
