package ntpprobe

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// leapState is the leap second that more than f domains announce.
//
// The windows stay on the scale of before it, on which nothing leaps, and what is published
// is widened from where a bound reaches it. What servers say after it goes into a
// second set of windows, which takes over as a whole, with a new generation, once it has a
// quorum: of 2f + 1 domains that say that it is over f + 1 are honest.
type leapState struct {
	kind    Leap
	instant int64 // unix ns of the first second after it
	near    bool  // a bound has reached it: nobody can take the announcement back

	taken truetime.Reading // when the windows after the last one took over
}

// pending reports whether a leap second is announced.
func (l *leapState) pending() bool { return l.kind != LeapNone }

// Leap returns the leap second that is announced, as far as the samples tell.
func (e *Estimator) Leap() PendingLeap {
	if !e.leap.pending() {
		return PendingLeap{}
	}
	return PendingLeap{Kind: e.leap.kind, At: time.Unix(0, e.leap.instant).UTC()}
}

// windowFor returns the window that a sample belongs to, or why it belongs to none.
// An announcement that is not enough to be pending still parts the samples of its own server.
func (e *Estimator) windowFor(src *source, s Sample) (*window, error) {
	if t := e.leap.taken; s.T4.Epoch == t.Epoch && s.T4.Nanos < t.Nanos {
		return nil, s.rejected(ReasonLeap, "the sample is from before the leap second")
	}
	if kind, instant := s.announces(); kind != LeapNone && (s.side(instant) == duringLeap || s.side(monthStart(s.T3)) == duringLeap) {
		return nil, s.atLeap()
	}
	kind, instant := e.leap.kind, e.leap.instant
	if kind == LeapNone {
		kind, instant = src.window.newest.announces()
	}
	if kind == LeapNone {
		return &src.window, nil
	}
	switch s.side(instant) {
	case duringLeap:
		return nil, s.atLeap()
	case afterLeap:
		if e.leap.pending() {
			return &src.after, nil
		}
		src.window = window{samples: src.window.samples}
	}
	return &src.window, nil
}

func (s Sample) atLeap() *RejectedError {
	return s.rejected(ReasonLeap, "the server may be making the step of a leap second")
}

// hearLeap counts the voices again after a sample. Silence takes nothing back: that
// needs 2f + 1 domains of which at most f still announce it.
func (e *Estimator) hearLeap(s Sample) {
	if kind, _ := s.announces(); e.leap.near || kind == LeapNone && !e.leap.pending() {
		return
	}
	heard := voices(e.sources)
	kind, instant := announced(heard, e.faulty)
	if kind == LeapNone && len(heard) < 2*e.faulty+1 {
		return
	}
	if instant != e.leap.instant {
		for _, src := range e.sources {
			src.after = window{}
		}
	}
	e.leap.kind, e.leap.instant = kind, instant
}

// voices returns the newest sample of each domain that has data.
func voices(sources []*source) []Sample {
	newest := map[int]Sample{}
	for i, g := range groups(sources) {
		s := sources[i].window.newest
		if before, ok := newest[g]; g >= 0 && (!ok || s.T4.Nanos > before.T4.Nanos) {
			newest[g] = s
		}
	}
	var list []Sample
	for _, s := range newest {
		list = append(list, s)
	}
	return list
}

// leaveLeap lets the windows after the leap second take over as soon as enough domains
// have data in them. That is no disproof: it was foreseen.
func (e *Estimator) leaveLeap(r truetime.Reading) {
	if !e.leap.pending() {
		return
	}
	e.swapWindows()
	if len(voices(e.sources)) < 2*e.faulty+1 {
		e.swapWindows()
		return
	}
	for _, src := range e.sources {
		src.window.samples += src.after.samples
		src.after = window{}
	}
	e.leap = leapState{taken: r}
	e.forget()
}

func (e *Estimator) swapWindows() {
	for _, src := range e.sources {
		src.window, src.after = src.after, src.window
	}
}

// forgetUnheard drops what a server said before a leap second that too few announce,
// once it may have begun by that server's account.
func (e *Estimator) forgetUnheard(r truetime.Reading) {
	if e.leap.pending() {
		return
	}
	for _, src := range e.sources {
		newest := src.window.newest
		if kind, instant := newest.announces(); kind != LeapNone && r.Nanos >= newest.leapDue(instant, e.assume.DriftPPB) {
			src.window = window{samples: src.window.samples}
		}
	}
}

// acrossLeap turns a bound on the scale of before into what may be published. From the
// first widened bound on the generation is another one, since its Earliest is earlier.
func (e *Estimator) acrossLeap(b truetime.Bound) (truetime.Bound, error) {
	if !e.leap.pending() || !e.leap.near && !reaches(b, e.leap.instant) {
		return b, nil
	}
	if e.assume.Leap == LeapRefuse {
		e.leap.near = true
		return truetime.Bound{}, &truetime.DisruptedError{Err: truetime.ErrLeap, Cause: fmt.Sprintf(
			"a leap second (%s) comes before %s, and no server was heard after it yet", e.leap.kind, e.Leap().At.Format(time.RFC3339))}
	}
	if !e.leap.near {
		e.leap.near = true
		e.generation = truetime.NewGeneration()
		e.carry.Generation, b.Generation = e.generation, e.generation
	}
	return widened(b), nil
}
