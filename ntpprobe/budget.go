package ntpprobe

import (
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// Budget says where the error bound of one source comes from. All terms are
// ≥ 0 and their sum is exactly the error bound.
type Budget struct {
	HalfRoundTrip  time.Duration // the packets' way: where in it the server's stamps fell is unknown
	HalfRootDelay  time.Duration // the same for the server and its own reference
	RootDispersion time.Duration // what the server says it may be off
	Precision      time.Duration // how finely the server reads its clock
	Margin         time.Duration // the user's own distrust
	Ageing         time.Duration // drift of the local clock since the packets
	Rounding       time.Duration // resolution of the protocol's fields, and the remainder
}

// Sum returns the error bound.
func (b Budget) Sum() time.Duration {
	return b.HalfRoundTrip + b.HalfRootDelay + b.RootDispersion + b.Precision + b.Margin + b.Ageing + b.Rounding
}

// budget splits a source's error bound at a reading. The upper and the lower
// constraint may come from different packets, so a server term is the mean of the two. Each
// term is capped by what the ones before it leave; rounding is the rest.
func (s span) budget(errorBound time.Duration, nanos int64, ageing slopes) Budget {
	up, down := s.upper.from, s.lower.from
	a, b := up.terms, down.terms
	left := errorBound
	take := func(want time.Duration) time.Duration {
		got := min(max(want, 0), left)
		left -= got
		return got
	}
	return Budget{
		HalfRoundTrip:  take(s.delay(errorBound, ageing)/2 - time.Duration(up.minOneWay+down.minOneWay)/2),
		HalfRootDelay:  take((a.halfRootDelay + b.halfRootDelay) / 2),
		RootDispersion: take((a.rootDispersion + b.rootDispersion) / 2),
		Precision:      take((a.precision + b.precision) / 2),
		Margin:         take((a.margin + b.margin) / 2),
		Ageing:         take(ageing.lost(2*nanos-s.upper.at-s.lower.at) / 2),
		Rounding:       left,
	}
}

// lost is how much a side loses in an age, in nanoseconds, against the middle rate.
func (s slopes) lost(age int64) time.Duration {
	return time.Duration(float64(age) * float64(s.up-s.down) / 2 / rateUnit)
}

// delay is the best way out plus the best way back, the server's hold removed:
// NTP's round-trip delay if both come from one exchange. Two exchanges are compared at
// the middle rate of the local clock, so drift may push it out of the possible range, to
// which it is clamped.
func (s span) delay(errorBound time.Duration, ageing slopes) time.Duration {
	up, down := s.upper.from, s.lower.from
	middle := float64(ageing.up+ageing.down) / 2 / rateUnit
	moved := time.Duration(middle * float64(down.t4-up.t1))
	way := time.Duration((up.t2 - down.t3) - (up.t1 - down.t4))
	return min(max(way+moved, 0), 2*errorBound)
}

// basis tells which domain binds each end of the agreed interval, and why the end is
// not nearer.
func basis(domains []domain, agreed truetime.Interval, nanos int64, ageing slopes) truetime.Basis {
	b := truetime.Basis{Domains: len(domains)}
	for i := range domains {
		d := &domains[i]
		iv, ok := d.interval()
		if !ok {
			continue
		}
		if iv.EarliestUnixNano() == agreed.EarliestUnixNano() {
			b.Earliest = d.span.end(d.span.lower, iv, nanos, ageing)
		}
		if iv.LatestUnixNano() == agreed.LatestUnixNano() {
			b.Latest = d.span.end(d.span.upper, iv, nanos, ageing)
		}
	}
	half := agreed.Uncertainty()
	b.Earliest.Disagreement += half - b.Earliest.Sum()
	b.Latest.Disagreement += half - b.Latest.Sum()
	return b
}

// end explains the end that a constraint of the span binds.
func (s span) end(c constraint, iv truetime.Interval, nanos int64, ageing slopes) truetime.End {
	t := c.from.terms
	return truetime.End{
		Source:         c.from.server,
		Delay:          s.delay(iv.Uncertainty(), ageing)/2 - time.Duration(c.from.minOneWay),
		RootDelay:      t.halfRootDelay,
		RootDispersion: t.rootDispersion,
		Precision:      t.precision,
		Rounding:       t.rounding,
		Margin:         t.margin,
		Ageing:         ageing.lost(nanos - c.at),
	}
}
