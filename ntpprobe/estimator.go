package ntpprobe

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trueclock/trueclock/truetime"
)

// Estimator turns samples into bounds. It is pure: no I/O, no clock, no
// goroutine; whoever calls it brings the samples and the reading. It is not
// safe for concurrent use. Memory is bounded by MaxSamples per server.
type Estimator struct {
	assume  Assumptions
	faulty  int
	sources []*source
	index   map[string]*source // by canonical address

	epoch      uint64
	generation uint64
	carry      truetime.Bound // the last bound; the zero Bound says nothing
}

// source is one server as the estimator knows it.
type source struct {
	server    Server
	canonical string
	domain    string
	window    window

	last     Header         // of the newest reply, usable or not
	replied  bool           // last is set
	rejected *RejectedError // why the newest exchange gave no sample; nil if it did
	misses   int            // exchanges without any reply, in a row
}

// NewEstimator returns an estimator for these servers. It returns a
// [*ConfigError] or an [*AddressError] if there are none, if one is named twice,
// or if there are fewer than 2f + 1 failure domains.
func NewEstimator(servers []Server, a Assumptions) (*Estimator, error) {
	a, f, err := a.resolve(servers)
	if err != nil {
		return nil, err
	}
	e := &Estimator{assume: a, faulty: f, index: map[string]*source{}, generation: truetime.NewGeneration()}
	for _, s := range servers {
		name, err := s.Canonical()
		if err != nil {
			return nil, err
		}
		src := &source{server: s, canonical: name, domain: s.FailureDomain()}
		e.sources = append(e.sources, src)
		e.index[name] = src
	}
	return e, nil
}

// Faulty returns f, the number of failure domains that may lie.
func (e *Estimator) Faulty() int { return e.faulty }

// Add takes a sample into account. It returns a [*RejectedError] for a sample
// that must not be used, whoever made it, and an [*AddressError] for a server
// that the estimator was not made for.
func (e *Estimator) Add(s Sample) error {
	src, err := e.source(s.Server)
	if err != nil {
		return err
	}
	s.Server = src.server // its policy, not what the sample claims
	if err := s.Check(e.assume.Limits); err != nil {
		return err
	}
	if s.T4.Epoch < e.epoch {
		return s.rejected(ReasonDisrupted, "the sample belongs to an epoch that has ended")
	}
	e.enter(s.T4.Epoch)
	src.window.add(s, e.assume.DriftPPB, e.assume.MaxSamples)
	src.last, src.replied, src.rejected, src.misses = s.Header, true, nil, 0
	return nil
}

// Reject notes that an exchange gave no sample, for Sources. The sample may
// hold what is known of the server.
func (e *Estimator) Reject(s Sample, err error) {
	src, unknown := e.source(s.Server)
	var rejected *RejectedError
	if unknown != nil || !errors.As(err, &rejected) {
		return
	}
	src.rejected = rejected
	if rejected.Reason.Unreachable() {
		src.misses++
		return
	}
	src.misses, src.last, src.replied = 0, s.Header, s.Header != Header{}
}

func (e *Estimator) source(s Server) (*source, error) {
	name, err := s.Canonical()
	if err != nil {
		return nil, err
	}
	if src, ok := e.index[name]; ok {
		return src, nil
	}
	return nil, &AddressError{s.Address, "it is not one of the estimator's servers"}
}

// enter begins a new epoch: readings before it mean nothing any more.
func (e *Estimator) enter(epoch uint64) {
	if epoch <= e.epoch {
		return
	}
	e.epoch = epoch
	for _, src := range e.sources {
		src.window = window{samples: src.window.samples}
	}
	e.forget()
}

// forget drops the carried bound and raises the generation: something that it
// rested on was disproved.
func (e *Estimator) forget() {
	e.carry, e.generation = truetime.Bound{}, truetime.NewGeneration()
}

// Bound returns two lines that enclose true time from the reading r on, r being
// taken now, after all samples.
//
// It returns a [*truetime.NoQuorumError] if fewer than 2f + 1 domains have data
// (an earlier bound stays true) or if they contradict each other (it does not,
// see Disproved), [truetime.ErrStale] if they have data but not fresh enough, and a [*truetime.DisruptedError] if more than f domains
// contradict themselves, if the result excludes the bound before, or if r is of an
// epoch that has ended. After a disproof the past is forgotten and the
// generation rises.
func (e *Estimator) Bound(r truetime.Reading) (truetime.Bound, error) {
	r = r.Early() // the bound must not begin after r was taken
	if r.Epoch < e.epoch {
		return truetime.Bound{}, &truetime.DisruptedError{Cause: fmt.Sprintf("%v is older than the samples", r)}
	}
	e.enter(r.Epoch)
	domains := e.domains(r)
	if _, contradictory := split(domains); contradictory > e.faulty && len(domains) >= 2*e.faulty+1 {
		return truetime.Bound{}, e.startOver(contradictory)
	}
	agreed, members, err := agree(domains, e.faulty)
	if err != nil {
		var noQuorum *truetime.NoQuorumError
		if errors.As(err, &noQuorum) && noQuorum.Disproved() {
			e.forget()
		}
		return truetime.Bound{}, err
	}
	expires := e.expires(domains)
	if expires < r.Nanos {
		return truetime.Bound{}, truetime.ErrStale
	}
	b := truetime.Bound{
		At:         r,
		Earliest:   truetime.Line{At: r.Nanos, Nanos: agreed.EarliestUnixNano(), SlopePPB: -e.assume.DriftPPB},
		Latest:     truetime.Line{At: r.Nanos, Nanos: agreed.LatestUnixNano(), SlopePPB: e.assume.DriftPPB},
		Expires:    expires,
		Generation: e.generation,
		Basis:      truetime.Basis{Domains: len(domains), Agreed: members, Faulty: e.faulty},
	}
	if b, err = b.Intersect(e.carry); err != nil {
		e.forget()
		return truetime.Bound{}, err
	}
	e.carry = b
	return b, nil
}

// domains lets every window forget what is older than the window, also those
// that get no samples any more, and pools the rest.
func (e *Estimator) domains(r truetime.Reading) []domain {
	for _, src := range e.sources {
		src.window.expire(r.Nanos - int64(e.assume.Window))
	}
	return pool(e.sources, r.Nanos)
}

// startOver handles more than f domains that contradict themselves. That many
// do not lie by assumption, so our own clock did something it must not. A server
// that contradicts itself has spoken since; only its newest word is kept. The
// others may not have, so all of theirs is forgotten.
func (e *Estimator) startOver(contradictory int) error {
	for _, src := range e.sources {
		w := &src.window
		if !w.empty() && w.contradicts() {
			w.restart(e.assume.DriftPPB)
		} else {
			src.window = window{samples: w.samples}
		}
	}
	e.forget()
	return &truetime.DisruptedError{Cause: fmt.Sprintf(
		"%d failure domains contradict themselves and at most %d may lie, so the local clock jumped or drifts by more than %d ppb, or too many lie",
		contradictory, e.faulty, e.assume.DriftPPB)}
}

// expires counts from the measurement: MaxAge after the newest sample of the
// (f + 1)-th newest domain, so that f liars cannot keep a bound alive.
func (e *Estimator) expires(domains []domain) int64 {
	newest := make([]int64, len(domains))
	for i, d := range domains {
		newest[i] = d.newest
	}
	slices.Sort(newest)
	return newest[len(newest)-1-e.faulty] + int64(e.assume.MaxAge)
}

// reachable counts the failure domains of which a server answered one of its
// last resolveAgain exchanges.
func (e *Estimator) reachable() int {
	names := map[string]bool{}
	for _, src := range e.sources {
		if src.replied && src.misses < resolveAgain {
			names[src.domain] = true
		}
	}
	return len(names)
}
