package ntpprobe

import (
	"fmt"
	"strings"

	"github.com/trueclock/trueclock/truetime"
)

// relearn is the number of samples that a domain must give, after the wander was
// disproved, before it is assumed again.
const relearn = 8

// wander is the state of the assumption that the local clock's rate stays within
// V of one fixed rate F. When the samples disprove it, the estimator falls back to
// what needs no such assumption, ageing at the full drift, until it has seen enough of
// the new rate. Falling back only for the moment would not do: the same samples would disprove it again
// for as long as the window lasts.
type wander struct {
	loose bool
	since int64 // reading of the disproof; only samples after it can vouch for the rate
}

// slopes returns how fast claims age. F belongs to the local clock and not to a
// server, so the ranges of all domains are combined as their times are: the hull of
// all values that n − f of them allow. It is false if there is none, or if more than f domains
// contradict themselves.
func (e *Estimator) slopes(domains []domain) (slopes, bool) {
	d, v := e.assume.DriftPPB, e.wanderPPB()
	var possible []truetime.Interval // of F, in parts per billion
	for i := range domains {
		lo, hi, ok := domains[i].rates.straight(d, v)
		if iv, err := truetime.NewInterval(lo, hi); ok && err == nil {
			possible = append(possible, iv)
		}
		domains[i].absurd = !ok
	}
	liars := len(domains) - len(possible)
	if liars > e.faulty {
		return e.widest(), false
	}
	agreement, err := truetime.Agree(possible, e.faulty-liars)
	if err != nil {
		return e.widest(), false
	}
	lo, hi := agreement.Interval.EarliestUnixNano(), agreement.Interval.LatestUnixNano()
	return slopes{down: max(lo-v, -d), up: min(hi+v, d)}, true
}

// wanderPPB is the wander assumed at present.
func (e *Estimator) wanderPPB() int64 {
	if e.wander.loose {
		return e.assume.DriftPPB
	}
	return e.assume.WanderPPB
}

// widest is what the drift alone allows.
func (e *Estimator) widest() slopes {
	return slopes{down: -e.assume.DriftPPB, up: e.assume.DriftPPB}
}

// disproved handles more than f domains that contradict themselves, or whose
// rates exclude each other. That many do not lie by assumption, so it is our own clock: if
// the drift alone can explain it, its rate has strayed, else it has jumped.
func (e *Estimator) disproved(domains []domain, r truetime.Reading) error {
	var jumped []string
	for i := range domains {
		if domains[i].rates.contradict(e.assume.DriftPPB) {
			jumped = append(jumped, domains[i].members[0].domain)
		}
	}
	if len(jumped) > e.faulty || e.wanderPPB() == e.assume.DriftPPB {
		return e.startOver(jumped)
	}
	return e.loosen(r)
}

// disagreement handles domains that contradict each other. If they agree as soon as
// nothing is assumed beyond the drift, it was the wander that was wrong; else more
// than f lie.
func (e *Estimator) disagreement(domains []domain, r truetime.Reading, err error) error {
	if e.wanderPPB() < e.assume.DriftPPB {
		for i := range domains {
			domains[i].absurd = domains[i].rates.contradict(e.assume.DriftPPB)
		}
		if _, _, err := agree(place(domains, r.Nanos, e.widest()), e.faulty); err == nil {
			return e.loosen(r)
		}
	}
	e.forget()
	e.disproofs.Disagreement++
	return err
}

// loosen falls back to the drift.
func (e *Estimator) loosen(r truetime.Reading) error {
	e.forget()
	e.wander = wander{loose: true, since: r.Nanos}
	for _, src := range e.sources {
		src.relearned = 0
	}
	e.disproofs.Wander++
	return &truetime.DisruptedError{Cause: fmt.Sprintf(
		"the local clock's rate strayed by more than the wander of %d ppb, or more than %d failure domains lie; until it is known again %d ppb are assumed",
		e.assume.WanderPPB, e.faulty, e.assume.DriftPPB)}
}

// startOver handles a local clock that jumped. A server that contradicts itself has
// spoken since; only its newest word is kept. The others may not have, so all of theirs
// is forgotten.
func (e *Estimator) startOver(contradictory []string) error {
	for _, src := range e.sources {
		w := &src.window
		if !w.empty() && w.rates().contradict(e.assume.DriftPPB) {
			w.restart()
		} else {
			src.window = window{samples: w.samples}
		}
		src.after = window{}
	}
	e.forget()
	e.wander = wander{}
	e.disproofs.Jump++
	return &truetime.DisruptedError{Cause: fmt.Sprintf(
		"the replies of more failure domains than may lie (%d) exclude each other%s: too many lie, or the local clock jumped or drifts by more than %d ppb",
		e.faulty, listed(contradictory), e.assume.DriftPPB)}
}

// listed names the first few.
func listed(names []string) string {
	if len(names) == 0 {
		return ""
	}
	if len(names) > 4 {
		names = append(names[:4:4], "…")
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// settle ends the fallback once enough domains have given enough samples since: at
// least 2f + 1, and all but f of those that answer. What was measured before the disproof
// must not vouch for the rate after it, so it is forgotten; what it said about the time
// lives on in the carried bound.
func (e *Estimator) settle() {
	if !e.wander.loose {
		return
	}
	answering, ready := 0, 0
	for _, d := range pool(e.sources) {
		n := d.relearned()
		if n > 0 {
			answering++
		}
		if n >= relearn {
			ready++
		}
	}
	if ready < max(2*e.faulty+1, answering-e.faulty) {
		return
	}
	for _, src := range e.sources {
		src.window.expire(e.wander.since)
		src.after.expire(e.wander.since)
	}
	e.wander = wander{}
}

// relearned counts the domain's samples since the disproof, also those that the window
// has no room for any more.
func (d *domain) relearned() int {
	n := 0
	for _, m := range d.members {
		n += m.relearned
	}
	return n
}
