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
	wander     wander
	leap       leapState
	ageing     slopes // of the last bound, for display
	accused    int    // domains that contradicted themselves at the last Bound
	disproofs  Disproofs
}

// Disproofs counts how often an assumption was disproved, ever. After each the past
// was forgotten and the generation rose.
type Disproofs struct {
	Epoch        int // the local clock lost continuity, and said so
	Jump         int // more than f domains contradicted themselves: the local clock jumped, or too many lie
	Wander       int // the local clock's rate strayed by more than the wander
	Disagreement int // the domains contradicted each other: more than f lie
	Conflict     int // a bound excluded the one before
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
	e.ageing = e.widest()
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

// Disproofs returns how often an assumption was disproved.
func (e *Estimator) Disproofs() Disproofs { return e.disproofs }

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
	if src.moved(s.Remote) {
		src.clear()
	}
	w, err := e.windowFor(src, s)
	if err != nil {
		return err
	}
	w.add(s, e.assume.MaxSamples)
	e.hearLeap(s)
	src.last, src.replied, src.rejected, src.misses = s.Header, true, nil, 0
	src.relearned++
	return nil
}

// exchange takes one exchange into account, whatever became of it.
func (e *Estimator) exchange(x Exchange) Exchange {
	if x.Err == nil {
		x.Err = e.Add(x.Sample)
	}
	if x.Err != nil {
		e.Reject(x.Sample, x.Err)
	}
	return x
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
	src.misses++
	if rejected.Reason.permanent() {
		src.misses = max(src.misses, resolveAgain) // it will not be asked again
	}
	if !rejected.Reason.Unreachable() {
		src.last, src.replied = s.Header, s.Header != Header{}
	}
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
	if e.epoch != 0 {
		e.disproofs.Epoch++
	}
	e.epoch = epoch
	for _, src := range e.sources {
		src.clear()
	}
	e.wander = wander{}
	e.forget()
}

// forget drops the carried bound and raises the generation: something that it
// rested on was disproved.
func (e *Estimator) forget() {
	e.carry, e.generation, e.ageing = truetime.Bound{}, truetime.NewGeneration(), e.widest()
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
//
// A bound that reaches an announced leap second is wider by 1 s on each side, or with
// LeapRefuse a [*truetime.DisruptedError] that matches [truetime.ErrLeap].
func (e *Estimator) Bound(r truetime.Reading) (truetime.Bound, error) {
	r = r.Early() // the bound must not begin after r was taken
	if r.Epoch < e.epoch {
		return truetime.Bound{}, &truetime.DisruptedError{Cause: fmt.Sprintf("%v is older than the samples", r)}
	}
	e.enter(r.Epoch)
	e.expire(r)
	e.leaveLeap(r)
	e.settle()
	domains, s, err := e.judge(r)
	if err != nil {
		return truetime.Bound{}, err
	}
	agreed, members, err := agree(domains, e.faulty)
	if err != nil {
		var noQuorum *truetime.NoQuorumError
		if errors.As(err, &noQuorum) && noQuorum.Disproved() {
			return truetime.Bound{}, e.disagreement(domains, r, err)
		}
		return truetime.Bound{}, err
	}
	b := truetime.Bound{
		At:         r,
		Earliest:   truetime.Line{At: r.Nanos, Nanos: agreed.EarliestUnixNano(), SlopePPB: s.down},
		Latest:     truetime.Line{At: r.Nanos, Nanos: agreed.LatestUnixNano(), SlopePPB: s.up},
		Expires:    e.expires(domains),
		Generation: e.generation,
		Basis:      basis(domains, agreed, r.Nanos, s),
	}
	b.Basis.Agreed, b.Basis.Faulty, b.Basis.WanderPPB = members, e.faulty, e.wanderPPB()
	if b.Expires < r.Nanos {
		return truetime.Bound{}, truetime.ErrStale
	}
	if b, err = b.Intersect(e.carry); err != nil {
		e.forget()
		e.disproofs.Conflict++
		return truetime.Bound{}, err
	}
	e.carry, e.ageing = b, s
	return e.acrossLeap(b)
}

// judge pools the domains that have data, finds how fast their claims age, and looks
// for a fault of the local clock.
func (e *Estimator) judge(r truetime.Reading) ([]domain, slopes, error) {
	domains := pool(e.sources)
	if len(domains) < 2*e.faulty+1 {
		return place(domains, r.Nanos, e.widest()), e.widest(), nil // too few: agree says so
	}
	s, ok := e.slopes(domains)
	domains = place(domains, r.Nanos, s)
	e.accused = contradictory(domains)
	if !ok || e.accused > e.faulty {
		return nil, s, e.disproved(domains, r)
	}
	return domains, s, nil
}

// expire lets every window forget what is older than the window, also those that
// get no samples any more: a dead server must not vouch for today's rate.
func (e *Estimator) expire(r truetime.Reading) {
	for _, src := range e.sources {
		src.window.expire(r.Nanos - int64(e.assume.Window))
		src.after.expire(r.Nanos - int64(e.assume.Window))
	}
	e.forgetUnheard(r)
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

// answering counts the failure domains of which a server gave a sample in one of its
// last resolveAgain exchanges.
func (e *Estimator) answering() int {
	heard := map[int]bool{}
	for i, g := range groups(e.sources) {
		if g >= 0 && !e.sources[i].silent() {
			heard[g] = true
		}
	}
	return len(heard)
}
