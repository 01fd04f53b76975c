package ntpprobe

import "time"

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
func (w *window) budget(errorBound time.Duration, nanos, driftPPB int64) Budget {
	up, down := w.latest[0], w.earliest[0]
	a, b := up.sample.terms(), down.sample.terms()
	left := errorBound
	take := func(want time.Duration) time.Duration {
		got := min(max(want, 0), left)
		left -= got
		return got
	}
	return Budget{
		HalfRoundTrip:  take(w.delay(errorBound)/2 - (up.sample.Server.MinOneWay+down.sample.Server.MinOneWay)/2),
		HalfRootDelay:  take((a.halfRootDelay + b.halfRootDelay) / 2),
		RootDispersion: take((a.rootDispersion + b.rootDispersion) / 2),
		Precision:      take((a.precision + b.precision) / 2),
		Margin:         take((a.margin + b.margin) / 2),
		Ageing:         take(aged(2*nanos-up.line.At-down.line.At, driftPPB)),
		Rounding:       left,
	}
}

// aged is half of what both sides lost to the drift over the sum of their ages.
func aged(ages, driftPPB int64) time.Duration {
	return time.Duration(float64(ages) * float64(driftPPB) / 1e9 / 2)
}

// delay is the best way out plus the best way back, the server's hold removed:
// NTP's round-trip delay if both come from one exchange. Two exchanges are compared at the nominal
// rate of the local clock, the middle of ±D, so drift may push it out of the possible range, to which it
// is clamped.
func (w *window) delay(errorBound time.Duration) time.Duration {
	up, down := w.latest[0].sample, w.earliest[0].sample
	out := up.T2 - up.T1.Nanos
	back := down.T4.Nanos - down.T3
	return min(max(time.Duration(out+back), 0), 2*errorBound)
}
