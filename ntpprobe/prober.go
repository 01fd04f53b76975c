package ntpprobe

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// epochCheck is how often Run looks whether the local clock began a new epoch,
// so that servers are asked soon after a suspend and not at their next poll.
const epochCheck = time.Second

// Config configures a [Prober]. Zero fields mean the defaults, except for
// Servers and Local.
type Config struct {
	Servers     []Server
	Local       truetime.LocalClock
	Assumptions Assumptions
	Poll        PollPolicy
	// Dialer opens the sockets; nil means a plain [net.Dialer]. Set it to choose
	// the interface or address to send from.
	Dialer Dialer
	// Seed makes the jitter of the polls repeatable; 0 takes a random one.
	Seed uint64
}

// Prober asks many servers for ever and publishes bounds. Make one with [New]
// and call Run once.
type Prober struct {
	local     truetime.LocalClock
	poll      PollPolicy
	seed      uint64
	estimator *Estimator // owned by Run
	sessions  []*session

	started    atomic.Bool
	status     atomic.Pointer[[]SourceStatus]
	publishErr atomic.Pointer[error]
}

// ErrAlreadyRun is returned by the second call of Run.
var ErrAlreadyRun = errors.New("ntpprobe: Run was called before; make a new Prober")

// New returns a prober that has sent nothing yet. It returns a [*ConfigError]
// or an [*AddressError] for a configuration that cannot work.
func New(c Config) (*Prober, error) {
	estimator, err := NewEstimator(c.Servers, c.Assumptions)
	if err != nil {
		return nil, err
	}
	p := &Prober{local: truetime.Strict(c.Local), poll: c.Poll.withDefaults(), seed: c.Seed, estimator: estimator}
	if err := p.poll.validate(); err != nil {
		return nil, err
	}
	if p.seed == 0 {
		p.seed = rand.Uint64()
	}
	for _, server := range c.Servers {
		s, err := newSession(server, c.Local, c.Assumptions.Limits, c.Dialer)
		if err != nil {
			return nil, err
		}
		p.sessions = append(p.sessions, s)
	}
	initial := estimator.Sources(Instant{}, nil)
	p.status.Store(&initial)
	return p, nil
}

// Run polls all servers until ctx ends and gives publish either a new bound or
// the reason why there is none; publish is usually truetime.Clock.Update and is never
// called concurrently. Run owns every goroutine and socket, returns the
// context's cause once all have ended, and can be called only once.
//
// An error from publish does not stop the polling: see [Prober.PublishError].
func (p *Prober) Run(ctx context.Context, publish func(truetime.Bound, error) error) error {
	if publish == nil {
		return &ConfigError{"publish", "it is missing; pass a truetime.Clock's Update"}
	}
	if !p.started.CompareAndSwap(false, true) {
		return ErrAlreadyRun
	}
	exchanges := make(chan Exchange)
	wake := make([]chan struct{}, len(p.sessions))
	var polling sync.WaitGroup
	defer polling.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the wait, also if publish panics
	for i, s := range p.sessions {
		wake[i] = make(chan struct{}, 1)
		polling.Go(func() { p.pollServer(ctx, i, s, wake[i], exchanges) })
	}
	ticker := time.NewTicker(epochCheck)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case x := <-exchanges:
			p.take(x, publish)
		case <-ticker.C:
			p.watchEpoch(wake)
		}
	}
}

// pollServer asks one server as its schedule says.
func (p *Prober) pollServer(ctx context.Context, number int, s *session, wake <-chan struct{}, out chan<- Exchange) {
	schedule := newSchedule(p.poll, s.server.IsPrivate())
	random := rand.New(rand.NewPCG(p.seed, uint64(number)))
	lastBurst := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for asked := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-wake:
			if !schedule.startBurst(time.Since(lastBurst)) {
				continue
			}
			lastBurst = time.Now()
		case <-timer.C:
		}
		sample, err := s.queryWithin(ctx, p.poll.Timeout)
		if ctx.Err() != nil {
			return
		}
		asked++
		select {
		case out <- Exchange{Server: s.server, Number: asked, Sample: sample, Err: err}:
		case <-ctx.Done():
			return
		}
		pause, ok := schedule.after(err)
		if !ok {
			return // DENY or RSTR
		}
		timer.Reset(jitter(pause, random.Float64()))
	}
}

// take feeds one exchange to the estimator and publishes what follows from it.
func (p *Prober) take(x Exchange, publish func(truetime.Bound, error) error) {
	if x.Err == nil {
		x.Err = p.estimator.Add(x.Sample)
	}
	if x.Err != nil {
		p.estimator.Reject(x.Sample, x.Err)
	}
	instant, err := ReadInstant(p.local)
	if err != nil {
		p.tell(publish, truetime.Bound{}, &truetime.DisruptedError{Cause: "the local clock cannot be read", Err: err})
		return
	}
	var agreed *truetime.Interval
	bound, err := p.estimator.Bound(instant.Before)
	if err == nil {
		if interval, err := instant.Interval(bound); err == nil {
			agreed = &interval
		}
	}
	p.tell(publish, bound, err)
	p.tellIfDeaf(publish, err)
	status := p.estimator.Sources(instant, agreed)
	p.status.Store(&status)
}

// tellIfDeaf says that so few servers still answer that the bound, true as it
// is, will not be refreshed: the clock is in holdover.
func (p *Prober) tellIfDeaf(publish func(truetime.Bound, error) error, boundErr error) {
	f, reachable := p.estimator.Faulty(), p.estimator.reachable()
	if boundErr == nil && reachable < 2*f+1 {
		p.tell(publish, truetime.Bound{}, &truetime.NoQuorumError{Domains: reachable, Faulty: f, Needed: 2*f + 1})
	}
}

// tell calls publish and keeps its error. If the clock found a contradiction that
// we did not, what we carry is disproved as well.
func (p *Prober) tell(publish func(truetime.Bound, error) error, b truetime.Bound, reason error) {
	err := publish(b, reason)
	var disrupted *truetime.DisruptedError
	if errors.As(err, &disrupted) {
		p.estimator.forget()
	}
	p.publishErr.Store(&err)
}

// watchEpoch wakes the servers' goroutines for a burst when the local clock has
// begun a new epoch.
func (p *Prober) watchEpoch(wake []chan struct{}) {
	r, err := p.local.Read()
	if err != nil || p.estimator.epoch == 0 || r.Epoch <= p.estimator.epoch {
		return
	}
	p.estimator.enter(r.Epoch)
	for _, w := range wake {
		select {
		case w <- struct{}{}:
		default: // already told
		}
	}
}

// Sources returns what is known about each server, in the order of the
// configuration, as of the last exchange. The slice is the caller's.
func (p *Prober) Sources() []SourceStatus {
	return append([]SourceStatus(nil), *p.status.Load()...)
}

// PublishError returns what publish returned last: nil if it took the bound. A
// [*truetime.BoundError] means that the clock and the prober do not share their
// local clock.
func (p *Prober) PublishError() error {
	if err := p.publishErr.Load(); err != nil {
		return *err
	}
	return nil
}
