package ntpprobe

import (
	"fmt"

	"github.com/trueclock/trueclock/truetime"
)

// Sources returns what is known about each server now, in the order of the
// configuration. A server that has given nothing usable for some time is not shown as
// agreed, although what it said before still counts.
func (p *Prober) Sources() []SourceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, err := ReadInstant(p.local) // under the lock, so that no sample is newer
	if err != nil {
		return p.sources(at, nil)
	}
	return p.sources(at, p.carried(at))
}

// Report returns what is known now in the form of [Measure], the interval being what clock
// serves: clock must be the one that Run publishes to. Err is what its Now says without one; in
// holdover there is an interval. Bound is the last that was published, for its basis and
// for how the interval would grow.
//
// It returns an error only if the local clock cannot be read.
func (p *Prober) Report(clock *truetime.Clock) (Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, errFirst := clock.Now()
	at, err := ReadInstant(p.local)
	last, errLast := clock.Now()
	if err != nil {
		return Report{}, fmt.Errorf("ntpprobe: the local clock: %w", err)
	}
	r := Report{Instant: at, Faulty: p.estimator.Faulty(), Leap: p.estimator.Leap(), Sources: p.sources(at, p.carried(at))}
	if r.Err = errFirst; r.Err == nil {
		r.Err = errLast
	}
	if r.Err == nil { // true time was after first's earliest moment before the wall clock was read, and before last's latest after it
		r.Interval, r.Err = truetime.NewInterval(first.EarliestUnixNano(), last.LatestUnixNano())
	}
	if r.Err == nil {
		r.Bound = p.published
	}
	return r, nil
}

// carried is the interval that the sources are measured against, nil without one. p.mu is held.
func (p *Prober) carried(at Instant) *truetime.Interval {
	interval, err := at.Interval(p.estimator.carry)
	if err != nil {
		return nil
	}
	return &interval
}

// sources is the status of all servers; one that is silent is not shown as agreed. p.mu is held.
func (p *Prober) sources(at Instant, agreed *truetime.Interval) []SourceStatus {
	list := p.estimator.Sources(at, agreed)
	for i, src := range p.estimator.sources {
		if s := &list[i]; src.silent() && src.rejected != nil {
			s.blame(src.rejected)
		}
	}
	return list
}

// Leap returns the leap second that is announced, which widens the bound around it.
func (p *Prober) Leap() PendingLeap {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.estimator.Leap()
}
