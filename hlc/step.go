package hlc

import (
	"math"
	"time"
)

// DefaultMaxLogical is the logical part at which a clock goes on at the next
// nanosecond, and the highest that it believes of a remote timestamp, unless
// configured.
const DefaultMaxLogical = 1<<20 - 1

// lastWall caps physical and remote times one second before the end of the
// range. 10¹⁵ ticks of DefaultMaxLogical fit above it: a year at 30 million a second.
const lastWall = math.MaxInt64 - 1_000_000_000

// rules are what a clock may issue and believe. Its methods are all the arithmetic
// of a Clock, as functions without state.
type rules struct {
	packed     bool // issue only what fits into layout
	layout     Layout
	maxLogical uint32
	maxLead    int64 // ns
	begin      int64 // physical times are taken within begin …
	end        int64 // … and end, and remote ones up to end
}

// follow is the algorithm of the paper: physical time if it is ahead of all that is
// known, else one logical tick above it. ok is false at the end of the range.
func (r *rules) follow(known Timestamp, pt int64, remote Timestamp) (next Timestamp, ok bool) {
	if remote.After(known) {
		known = remote
	}
	if pt > known.WallTime {
		return Timestamp{WallTime: pt}, true
	}
	return r.next(known)
}

// next is the lowest timestamp above t that the clock may issue.
func (r *rules) next(t Timestamp) (next Timestamp, ok bool) {
	switch {
	case t.Logical < r.maxLogical:
		return r.round(Timestamp{t.WallTime, t.Logical + 1})
	case t.WallTime < math.MaxInt64:
		return r.round(Timestamp{t.WallTime + 1, 0})
	}
	return Timestamp{}, false
}

// round is the lowest timestamp that is not below t and that the clock may issue.
func (r *rules) round(t Timestamp) (rounded Timestamp, ok bool) {
	switch {
	case t.Logical > r.maxLogical:
		return r.next(t)
	case !r.packed:
		return t, true
	}
	rounded, err := r.layout.Round(t)
	return rounded, err == nil
}

// batch is the first timestamp above all that is known after which more can
// follow at the same wall time; more is at most maxLogical.
func (r *rules) batch(known Timestamp, pt int64, more uint32) (first Timestamp, ok bool) {
	first, ok = r.follow(known, pt, Timestamp{})
	if ok && first.Logical > r.maxLogical-more {
		return r.next(Timestamp{first.WallTime, r.maxLogical})
	}
	return first, ok
}

// within brings a reading of the physical clock, or of a limit, within the range.
func (r *rules) within(reading int64) int64 { return min(max(reading, r.begin), r.end) }

// issuable is the beginning of the tick of a reading that is within the range: what
// is issued for it, and never ahead of it.
func (r *rules) issuable(reading int64) int64 {
	if !r.packed {
		return reading
	}
	return r.layout.tickAt(reading)
}

// check refuses a remote timestamp that would take the clock where it must not go. pt is
// the physical time, latest (at or above it) the latest that the time may be.
func (r *rules) check(remote Timestamp, pt, latest int64) error {
	switch {
	case remote.IsZero():
		return ErrUnset
	case remote.WallTime < pt:
		return nil // its logical part will be forgotten at once
	case remote.WallTime > latest && remote.WallTime-latest > r.maxLead: // latest ≥ 0: it cannot wrap
		return &TooFarAheadError{Remote: remote, Physical: pt, Latest: latest, Lead: time.Duration(remote.WallTime - latest), Limit: time.Duration(r.maxLead)}
	case remote.Logical > r.maxLogical:
		return &LogicalTooHighError{Remote: remote, Limit: r.maxLogical}
	case remote.WallTime > r.end:
		return ErrExhausted
	}
	return nil
}
