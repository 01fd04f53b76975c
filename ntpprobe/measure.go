package ntpprobe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// MeasureOptions configures Measure. Zero fields mean the defaults.
type MeasureOptions struct {
	Servers     []Server
	Local       truetime.LocalClock // required
	Assumptions Assumptions
	Samples     int           // exchanges with each server; default 4
	Interval    time.Duration // pause between two exchanges with one server; default 2 s, 100 ms if all are private
	Timeout     time.Duration // one exchange; default 1 s
	Dialer      Dialer        // opens the sockets; default a plain net.Dialer
	Concurrency int           // how many exchanges are under way at once; default DefaultConcurrency

	// OnExchange is called after each exchange, never concurrently; nil for
	// nobody.
	OnExchange func(Exchange)
}

// Exchange is one exchange with one server: a sample, or the error why there is
// none.
type Exchange struct {
	Server Server
	Number int // counts from 1 for each server
	Sample Sample
	Err    error
}

// Report is the outcome of Measure: everything refers to the moment Instant.
type Report struct {
	Instant Instant
	// Interval contains the true time at which Instant.Wall was read, if Err is nil.
	Interval truetime.Interval
	// Bound carries the interval on to later readings, if Err is nil.
	Bound truetime.Bound
	// Err says why there is no interval, usually a [*truetime.NoQuorumError].
	Err     error
	Faulty  int // f
	Leap    PendingLeap
	Sources []SourceStatus
}

// Agreed returns the number of sources that meet the interval.
func (r Report) Agreed() int {
	n := 0
	for _, s := range r.Sources {
		if s.State == Agreed {
			n++
		}
	}
	return n
}

// Measure asks all servers a few times, in parallel, and combines what they
// say. A server that cannot be resolved, refuses or wants not to be asked
// again is left alone after its first answer.
//
// It returns an error for options that cannot work ([*ConfigError],
// [*AddressError]) and if the local clock fails. When ctx ends early it returns what is
// known so far together with the context's cause. A missing quorum is no error of
// Measure: it is in the report.
func Measure(ctx context.Context, o MeasureOptions) (Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	estimator, err := NewEstimator(o.Servers, o.Assumptions)
	if err != nil {
		return Report{}, err
	}
	var sessions []*session
	for _, server := range o.Servers {
		s, err := newSession(server, o.Local, o.Assumptions.Limits, o.Dialer)
		if err != nil {
			return Report{}, err
		}
		sessions = append(sessions, s)
	}
	asking, stop := context.WithCancel(ctx)
	exchanges := o.exchanges(asking, sessions)
	defer func() { // joins them all, also if OnExchange panics
		stop()
		for range exchanges {
		}
	}()
	for x := range exchanges {
		if x = estimator.exchange(x); o.OnExchange != nil {
			o.OnExchange(x)
		}
	}
	report, err := estimator.report(o.Local)
	if err == nil && ctx.Err() != nil {
		err = fmt.Errorf("ntpprobe: measuring ended early: %w", context.Cause(ctx))
	}
	return report, err
}

func (o MeasureOptions) withDefaults() (MeasureOptions, error) {
	setDefault(&o.Samples, 4)
	setDefault(&o.Timeout, DefaultTimeout)
	setDefault(&o.Concurrency, DefaultConcurrency)
	if o.Interval == 0 {
		o.Interval = DefaultInterval(o.Servers)
	}
	switch {
	case o.Local == nil:
		return o, &ConfigError{"local clock", "it is missing; make one with truetime.NewLocalClock"}
	case o.Samples < 1 || o.Samples > 1000:
		return o, &ConfigError{"samples", fmt.Sprintf("%d is not from 1 to 1000", o.Samples)}
	case o.Concurrency < 0:
		return o, &ConfigError{"concurrency", "it cannot be negative"}
	case o.Interval < 0 || o.Timeout <= 0:
		return o, &ConfigError{"interval", "the pause and the time-out must be positive"}
	}
	return o, nil
}

// DefaultInterval is the pause between two exchanges with one server: 2 s, or
// 100 ms if all servers are private, loopback or link-local.
func DefaultInterval(servers []Server) time.Duration {
	for _, s := range servers {
		if !s.IsPrivate() {
			return 2 * time.Second
		}
	}
	return 100 * time.Millisecond
}

// DefaultConcurrency is how many exchanges Measure and Survey have under way at once: each needs
// a socket and some 20 KiB.
const DefaultConcurrency = 256

// exchanges asks every server in a goroutine of its own, which stays small: the exchanges are
// made by as many others as may be under way at once. The channel is closed
// when all of them have ended; the caller must read it to the end.
func (o MeasureOptions) exchanges(ctx context.Context, sessions []*session) <-chan Exchange {
	out, work := make(chan Exchange), make(chan func())
	var asking, working sync.WaitGroup
	for range min(o.Concurrency, len(sessions)) {
		working.Go(func() {
			for exchange := range work {
				exchange()
			}
		})
	}
	inTurn := func(exchange func()) {
		done := make(chan struct{})
		work <- func() { exchange(); close(done) }
		<-done
	}
	for _, s := range sessions {
		asking.Go(func() { o.ask(ctx, s, inTurn, func(x Exchange) { out <- x }) })
	}
	go func() { asking.Wait(); close(work); working.Wait(); close(out) }()
	return out
}

// ask makes the exchanges with one server. inTurn runs each, maybe later: its time-out begins then.
func (o MeasureOptions) ask(ctx context.Context, s *session, inTurn func(func()), took func(Exchange)) {
	for number := 1; number <= o.Samples; number++ {
		var sample Sample
		var err error
		inTurn(func() { sample, err = s.queryWithin(ctx, o.Timeout) })
		if ctx.Err() != nil && err != nil {
			return // interrupted, which says nothing about the server
		}
		took(Exchange{Server: s.server, Number: number, Sample: sample, Err: err})
		if givesUp(err) || number == o.Samples || !pauseFor(ctx, o.Interval) {
			return
		}
	}
}

// queryWithin is query with a time-out of its own.
func (s *session) queryWithin(ctx context.Context, timeout time.Duration) (Sample, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if limited.Err() != nil && ctx.Err() == nil { // over before anything could be sent
		return Sample{Server: s.server}, s.failed(limited, limited.Err(), 0)
	}
	return s.query(limited)
}

// givesUp reports whether asking again at once is pointless or impolite.
func givesUp(err error) bool {
	var rejected *RejectedError
	if !errors.As(err, &rejected) {
		return err != nil // the local clock
	}
	r := rejected.Reason
	return r == ReasonResolve || r == ReasonRefused || r == ReasonNoRoute || r.permanent() || r.KissCode() == "RATE"
}

// pauseFor waits and reports whether the context is still alive.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// report computes the bound and the state of all sources at one instant.
func (e *Estimator) report(local truetime.LocalClock) (Report, error) {
	instant, err := ReadInstant(local)
	if err != nil {
		return Report{}, fmt.Errorf("ntpprobe: the local clock: %w", err)
	}
	// Sources as measured, before a disproof makes the estimator forget them.
	r := Report{Instant: instant, Faulty: e.faulty, Sources: e.Sources(instant, nil)}
	if r.Bound, r.Err = e.Bound(instant.Before); r.Err == nil {
		r.Interval, r.Err = instant.Interval(r.Bound)
	}
	r.Leap = e.Leap()
	if r.Err != nil {
		return r, nil
	}
	r.Sources = e.Sources(instant, &r.Interval)
	return r, nil
}
