package ntpprobe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// SourceState says what a source counts for.
type SourceState string

// The four states of a source.
const (
	Agreed      SourceState = "agreed"      // its interval meets the agreed one
	Falseticker SourceState = "falseticker" // it misses it, so it is disproved
	Rejected    SourceState = "rejected"    // replies came, none usable, or there is no agreement to meet
	Unreachable SourceState = "unreachable" // no reply in time, port refused, name or route unknown
)

// Instant is one moment seen on two clocks: the wall clock of the operating
// system, read between two readings of the local clock.
type Instant struct {
	Before, After truetime.Reading // without slack
	Wall          time.Time        // UTC, without a monotonic part
}

// ReadInstant reads both clocks. It tries again when a new epoch begins in
// between, and returns the local clock's error. Of a clock that follows a
// strict one it reads that; any other slack makes Before earlier and After later.
func ReadInstant(local truetime.LocalClock) (Instant, error) {
	local = truetime.Strict(local)
	for {
		before, err := local.Read()
		if err != nil {
			return Instant{}, err
		}
		wall := time.Now().Round(0).UTC()
		after, err := local.Read()
		if err != nil {
			return Instant{}, err
		}
		if before.Epoch == after.Epoch {
			return Instant{Before: before.Early(), After: after.Late(), Wall: wall}, nil
		}
	}
}

// Interval returns the interval that a bound gives for the moment at which the
// wall clock was read: from the earliest time at Before to the latest at After.
func (i Instant) Interval(b truetime.Bound) (truetime.Interval, error) {
	first, err := b.Interval(i.Before)
	if err != nil {
		return truetime.Interval{}, err
	}
	last, err := b.Interval(i.After)
	if err != nil {
		return truetime.Interval{}, err
	}
	return truetime.NewInterval(first.EarliestUnixNano(), last.LatestUnixNano())
}

// SourceStatus is what is known about one server, for display.
type SourceStatus struct {
	Server  Server
	Domain  string         // the failure domain it counts in
	Remote  netip.AddrPort // who answered; not valid if nobody did
	State   SourceState
	Reason  Reason // "" if agreed
	Detail  string // the reason as a sentence, "" if agreed
	Samples int    // accepted samples, ever

	Header   *Header   // of the newest usable reply, or if there is none of the newest; nil if none came
	Estimate *Estimate // nil without a usable sample in the window
}

// Estimate is what one source alone says at one instant.
type Estimate struct {
	Interval   truetime.Interval // true time, if this source is honest
	Offset     time.Duration     // middle of the interval − wall clock; positive: the wall clock is slow
	Delay      time.Duration     // round trip of the packets that count; ≤ 2·ErrorBound
	ErrorBound time.Duration     // half width of the interval, never below Delay/2
	Budget     Budget            // adds up to ErrorBound
	Age        time.Duration     // local time since the newest sample
	KernelGain time.Duration     // Sample.KernelGain of the sample that binds the earliest side; 0: it has no kernel stamp
}

// Sources returns the status of every server at an instant, in the order they
// were given to NewEstimator. agreed is the interval that all are measured against; nil
// means that there is none.
func (e *Estimator) Sources(at Instant, agreed *truetime.Interval) []SourceStatus {
	list := make([]SourceStatus, len(e.sources))
	domains := map[*source]*domain{}
	pooled := pool(e.sources)
	for i := range pooled {
		for _, m := range pooled[i].members {
			domains[m] = &pooled[i]
		}
	}
	for i, src := range e.sources {
		status := src.status()
		if d := domains[src]; d != nil && at.Before.Epoch == e.epoch {
			status.Domain = d.members[0].domain
			_, _, possible := d.rates.straight(e.assume.DriftPPB, e.wanderPPB())
			status.measured(src, at, e.ageing, possible)
		}
		if status.Estimate != nil {
			status.compare(agreed)
		}
		list[i] = status
	}
	if agreed != nil {
		explain(list, *agreed)
	}
	return list
}

// status is everything that can be said without the others.
func (src *source) status() SourceStatus {
	s := SourceStatus{Server: src.server, Domain: src.domain, State: Unreachable, Reason: ReasonTimeout, Detail: "no exchange has ended yet", Samples: src.window.samples}
	if src.replied {
		header := src.last
		s.Header = &header
		s.State, s.Reason, s.Detail = Rejected, ReasonDisrupted, "what it said was forgotten, and nothing new came since"
	}
	if src.rejected != nil {
		s.blame(src.rejected)
	}
	return s
}

// blame says why the newest exchange gave no sample.
func (s *SourceStatus) blame(r *RejectedError) {
	s.State, s.Reason, s.Detail = Rejected, r.Reason, r.Detail
	if r.Reason.Unreachable() {
		s.State = Unreachable
	}
}

// measured adds what the source's window says; possible is false if the claims of
// its domain exclude each other.
func (s *SourceStatus) measured(src *source, at Instant, ageing slopes, possible bool) {
	w := &src.window
	s.Remote = w.newest.Remote
	header := w.newest.Header
	s.Header = &header // of the reply that counts; a later one may have been refused
	before, after := w.at(at.Before.Nanos, ageing), w.at(at.After.Nanos, ageing)
	interval, err := truetime.NewInterval(before.lo, after.hi)
	if err != nil || !possible {
		s.State, s.Reason, s.Detail = Falseticker, ReasonSelfContradiction, "its own replies exclude each other"
		return
	}
	bound := interval.Uncertainty()
	s.Estimate = &Estimate{
		Interval:   interval,
		Offset:     time.Duration(interval.Midpoint() - at.Wall.UnixNano()),
		Delay:      after.delay(bound, ageing),
		ErrorBound: bound,
		Budget:     after.budget(bound, at.After.Nanos, ageing),
		Age:        time.Duration(at.After.Nanos - w.newest.T4.Nanos),
		KernelGain: after.lower.from.kernelGain,
	}
}

// compare decides the state of a source that has an interval.
func (s *SourceStatus) compare(agreed *truetime.Interval) {
	switch {
	case agreed == nil:
		s.State, s.Reason, s.Detail = Rejected, ReasonNoQuorum, "usable, but there is no agreement to compare it with"
	case s.Estimate.Interval.Overlaps(*agreed):
		s.State, s.Reason, s.Detail = Agreed, "", ""
	default:
		s.State, s.Reason = Falseticker, ReasonOutside
	}
}

// explain says of each falseticker how far it is from what the others agree on.
func explain(list []SourceStatus, agreed truetime.Interval) {
	others := 0
	for _, s := range list {
		if s.State == Agreed {
			others++
		}
	}
	for i := range list {
		s := &list[i]
		if s.Reason != ReasonOutside {
			continue
		}
		s.Detail = fmt.Sprintf("%v outside what %d %s on", short(gap(s.Estimate.Interval, agreed)), others, plural(others, "other agrees", "others agree"))
	}
}

// gap is how far apart two intervals are that do not overlap, in nanoseconds.
func gap(a, b truetime.Interval) int64 {
	if a.Before(b) {
		a, b = b, a
	}
	return a.EarliestUnixNano() - b.LatestUnixNano()
}

// short keeps four digits of a number of nanoseconds.
func short(nanos int64) time.Duration {
	step := int64(1)
	for nanos/step >= 10_000 {
		step *= 10
	}
	return time.Duration(nanos).Round(time.Duration(step))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
