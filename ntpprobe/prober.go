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
	Local       truetime.LocalClock // one with slack must say whom it follows: truetime.Strict
	Assumptions Assumptions
	Poll        PollPolicy
	// Dialer opens the sockets; nil means a plain [net.Dialer]. Set it to choose
	// the interface or address to send from.
	Dialer Dialer
	// Seed makes the jitter of the polls repeatable; 0 takes a random one.
	Seed uint64
	// OnExchange is called after each exchange, with the error if the estimator refused its
	// sample, before what follows from it is published. It is never called concurrently, nor
	// with publish; nil for nobody.
	OnExchange func(Exchange)
}

// Prober asks many servers for ever and publishes bounds. Make one with [New]
// and call Run once.
type Prober struct {
	local    truetime.LocalClock
	poll     PollPolicy
	seed     uint64
	sessions []*session

	started    atomic.Bool
	exchanges  chan Exchange // from the servers' goroutines to Run
	onExchange func(Exchange)

	mu         sync.Mutex // never held while publishing
	estimator  *Estimator
	publishErr error
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
	p := &Prober{local: truetime.Strict(c.Local), poll: c.Poll.withDefaults(), seed: c.Seed, estimator: estimator, exchanges: make(chan Exchange), onExchange: c.OnExchange}
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
	wake := make([]chan struct{}, len(p.sessions))
	var polling sync.WaitGroup
	defer polling.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // before the wait, also if publish panics
	for i, s := range p.sessions {
		wake[i] = make(chan struct{}, 1)
		polling.Go(func() { p.pollServer(ctx, i, s, wake[i]) })
	}
	ticker := time.NewTicker(epochCheck)
	defer ticker.Stop()
	for {
		epoch, accused := p.estimator.epoch, p.estimator.accused // changed by this goroutine alone
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case x := <-p.exchanges:
			p.take(x, publish)
		case <-ticker.C:
			p.watchEpoch()
		}
		if epoch != 0 && p.estimator.epoch != epoch || p.estimator.accused > accused {
			wakeAll(wake)
		}
	}
}

// pollServer asks one server as its schedule says.
func (p *Prober) pollServer(ctx context.Context, number int, s *session, wake <-chan struct{}) {
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
		case p.exchanges <- Exchange{Server: s.server, Number: asked, Sample: sample, Err: err}:
		case <-ctx.Done():
			return
		}
		pause, ok := schedule.after(err)
		if !ok {
			return // DENY or RSTR
		}
		timer.Reset(schedule.jitter(pause, random.Float64()))
	}
}

// take feeds one exchange, and those that are waiting behind it, to the estimator and
// publishes what follows.
func (p *Prober) take(x Exchange, publish func(truetime.Bound, error) error) {
	p.mu.Lock()
	taken := []Exchange{p.estimator.exchange(x)}
	for waiting := true; waiting; {
		select {
		case x := <-p.exchanges:
			taken = append(taken, p.estimator.exchange(x))
		default:
			waiting = false
		}
	}
	bound, reason := p.conclude()
	p.mu.Unlock()
	if p.onExchange != nil {
		for _, x := range taken {
			p.onExchange(x)
		}
	}
	p.tell(publish, bound, reason)
}

// conclude returns the bound, and the reason why there is none or why it will not be
// refreshed. p.mu is held.
func (p *Prober) conclude() (truetime.Bound, error) {
	r, err := p.local.Read()
	if err != nil {
		return truetime.Bound{}, &truetime.DisruptedError{Cause: "the local clock cannot be read", Err: err}
	}
	bound, err := p.estimator.Bound(r)
	if err != nil {
		return truetime.Bound{}, err
	}
	if f, answering := p.estimator.Faulty(), p.estimator.answering(); answering < 2*f+1 {
		return bound, &truetime.NoQuorumError{Domains: answering, Faulty: f, Needed: 2*f + 1} // true, and in holdover
	}
	return bound, nil
}

// tell calls publish and keeps its error. The clock demands a new generation after each
// disruption, whether it heard of it or found it.
func (p *Prober) tell(publish func(truetime.Bound, error) error, b truetime.Bound, reason error) {
	err := publish(b, reason)
	var told, found *truetime.DisruptedError
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.publishErr = err; errors.As(reason, &told) || errors.As(err, &found) {
		p.estimator.forget()
	}
}

// watchEpoch notices a new epoch of the local clock before a sample shows it.
func (p *Prober) watchEpoch() {
	r, err := p.local.Read()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.estimator.epoch != 0 {
		p.estimator.enter(r.Epoch)
	}
}

// wakeAll asks every server at once, as often as the schedules allow it: when a new
// epoch began, whatever showed it, and when one more server contradicts itself: either it lies, or the
// local clock was paused and nobody noticed, and then every second counts until
// the others have shown it.
func wakeAll(wake []chan struct{}) {
	for _, w := range wake {
		select {
		case w <- struct{}{}:
		default: // already told
		}
	}
}

// Sources returns what is known about each server now, in the order of the
// configuration. A server that has given nothing usable for some time is not shown as
// agreed, although what it said before still counts.
func (p *Prober) Sources() []SourceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, err := ReadInstant(p.local) // under the lock, so that no sample is newer
	var agreed *truetime.Interval
	if err == nil {
		if interval, err := at.Interval(p.estimator.carry); err == nil {
			agreed = &interval
		}
	}
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

// Disproofs returns how often an assumption was disproved.
func (p *Prober) Disproofs() Disproofs {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.estimator.Disproofs()
}

// PublishError returns what publish returned last: nil if it took the bound. A
// [*truetime.BoundError] means that the clock and the prober do not share their
// local clock.
func (p *Prober) PublishError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.publishErr
}
