package ntpprobe

import (
	"slices"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// window keeps what one server said lately: the upper and the lower constraints
// of its samples, each in the order of their readings. Old ones are not beaten by
// new ones: together they tell how fast the local clock runs (rates), and a good one
// of long ago may still be the tightest.
type window struct {
	upper, lower []constraint
	newest       Sample // the last accepted sample
	samples      int    // accepted samples, ever

	known rates // what rates() returned
	stale bool  // known is out of date
}

// constraint is one side of a sample: when the local clock read at, true time was
// at most (upper) or at least (lower) nanos.
type constraint struct {
	at    int64 // nanoseconds of the local clock
	nanos int64 // since 1970-01-01 UTC
	from  *evidence
}

// evidence is what is kept of a sample for the error budget; both of its
// constraints share it.
type evidence struct {
	server         string // as it was given
	t1, t2, t3, t4 int64
	terms          serverTerms
	minOneWay      int64
	kernelGain     time.Duration
}

// line is the constraint and how it ages: from its reading on, the limit runs
// slopePPB faster than the local clock.
func (c constraint) line(slopePPB int64) truetime.Line {
	return truetime.Line{At: c.at, Nanos: c.nanos, SlopePPB: slopePPB}
}

// add takes a checked sample into account, in whatever order samples arrive; one
// that was added before changes nothing. At most maxSamples constraints stay on each side:
// dropping one is always sound.
func (w *window) add(s Sample, maxSamples int) {
	e := &evidence{server: s.Server.Address, t1: s.T1.Nanos, t2: s.T2, t3: s.T3, t4: s.T4.Nanos, terms: s.terms(), minOneWay: int64(s.Server.MinOneWay), kernelGain: s.KernelGain}
	up, down := s.latest(0), s.earliest(0)
	w.upper = insert(w.upper, constraint{up.At, up.Nanos, e}, +1)
	w.lower = insert(w.lower, constraint{down.At, down.Nanos, e}, -1)
	if len(w.upper) > maxSamples {
		w.upper = thin(w.upper, +1)
	}
	if len(w.lower) > maxSamples {
		w.lower = thin(w.lower, -1)
	}
	if w.samples == 0 || s.T4.Nanos >= w.newest.T4.Nanos {
		w.newest = s
	}
	w.samples++
	w.stale = true
}

// insert keeps the order. Of two constraints at one reading the tighter one says
// it all. side is +1 for upper constraints and −1 for lower ones.
func insert(list []constraint, c constraint, side int64) []constraint {
	i := len(list)
	for i > 0 && list[i-1].at > c.at {
		i--
	}
	if i > 0 && list[i-1].at == c.at {
		if side*(c.nanos-list[i-1].nanos) < 0 {
			list[i-1] = c
		}
		return list
	}
	return slices.Insert(list, i, c)
}

// thin drops the constraint that says least: the one furthest on the loose side
// of the chord between its neighbours. One that is on the loose side of any chord is on no
// convex hull, so it can neither bind at any later reading nor be the tangent that
// limits the rate of a clock that runs straight. Only if all constraints are
// in convex position one of the hull goes, the flattest. The oldest and the newest stay.
func thin(list []constraint, side int64) []constraint {
	victim, most := 1, 0.0
	for i := 1; i < len(list)-1; i++ {
		a, b, c := list[i-1], list[i], list[i+1]
		chord := b.ahead(a) - c.ahead(a)*(float64(b.at-a.at)/float64(c.at-a.at))
		if loose := float64(side) * chord; i == 1 || loose > most {
			victim, most = i, loose
		}
	}
	return slices.Delete(list, victim, victim+1)
}

// ahead is by how much the true time of c is ahead of that of o, less what the
// local clock measured between them: a difference of θ in nanoseconds. Integers
// first, since unix nanoseconds do not fit a float64.
func (c constraint) ahead(o constraint) float64 {
	return float64(c.aheadNanos(o))
}

func (c constraint) aheadNanos(o constraint) int64 {
	return saturatingSub(saturatingSub(c.nanos, o.nanos), saturatingSub(c.at, o.at))
}

// expire drops the constraints anchored before oldest.
func (w *window) expire(oldest int64) {
	w.upper = w.dropBefore(w.upper, oldest)
	w.lower = w.dropBefore(w.lower, oldest)
}

func (w *window) dropBefore(list []constraint, oldest int64) []constraint {
	n := 0
	for n < len(list) && list[n].at < oldest {
		n++
	}
	if n == 0 {
		return list
	}
	w.stale = true
	return slices.Delete(list, 0, n)
}

// restart forgets everything but the newest sample.
func (w *window) restart() {
	s, n := w.newest, w.samples
	*w = window{}
	w.add(s, 1)
	w.samples = n
}

func (w *window) empty() bool { return len(w.upper) == 0 || len(w.lower) == 0 }

// rates returns what the window's own pairs say about the local clock's rate.
func (w *window) rates() rates {
	if w.stale {
		w.known, w.stale = pairRates(w.upper, w.lower), false
	}
	return w.known
}
