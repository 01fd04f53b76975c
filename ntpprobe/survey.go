package ntpprobe

import (
	"context"
	"fmt"
	"sync"

	"github.com/trueclock/trueclock/truetime"
)

// Survey asks many targets a few times each and compares what every one says with a
// bound, usually that of Measure. The targets have no vote: not even a majority of them moves the
// interval. each is called as they finish, in any order and never concurrently, with a
// status whose state is Agreed for a target that meets the bound's interval and Falseticker for
// one that misses it.
//
// Of the options Servers are the targets, and Assumptions.Faulty and OnExchange are
// not used. As many are asked at once as Concurrency says. It returns a [*ConfigError] or an
// [*AddressError] before anything is sent, and the context's cause if ctx ends
// early: those that had not finished are left out.
func Survey(ctx context.Context, o MeasureOptions, against truetime.Bound, each func(SourceStatus)) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if each == nil {
		return &ConfigError{"each", "it is missing; pass what takes the targets"}
	}
	o.Assumptions.Faulty = FaultyNone
	for _, target := range o.Servers {
		if _, err := target.Canonical(); err != nil {
			return err
		}
	}
	asking, stop := context.WithCancel(ctx)
	finished := o.survey(asking, against)
	defer func() { // joins them all, also if each panics
		stop()
		for range finished {
		}
	}()
	for f := range finished {
		if f.err != nil {
			return f.err
		}
		each(f.status)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("ntpprobe: the survey ended early: %w", context.Cause(ctx))
	}
	return nil
}

// finishedTarget is one target's outcome, or an error that concerns all.
type finishedTarget struct {
	status SourceStatus
	err    error
}

// survey starts the workers. The channel is closed when all have ended; the caller
// must read it to the end.
func (o MeasureOptions) survey(ctx context.Context, against truetime.Bound) <-chan finishedTarget {
	out, next := make(chan finishedTarget), make(chan Server)
	var working sync.WaitGroup
	working.Go(func() {
		defer close(next)
		for _, target := range o.Servers {
			select {
			case next <- target:
			case <-ctx.Done():
				return
			}
		}
	})
	for range min(o.Concurrency, len(o.Servers)) {
		working.Go(func() {
			for target := range next {
				f := o.target(ctx, target, against)
				if f.err == nil && ctx.Err() != nil {
					return // interrupted, which says nothing about the target
				}
				out <- f
			}
		})
	}
	go func() { working.Wait(); close(out) }()
	return out
}

// target asks one target and judges it.
func (o MeasureOptions) target(ctx context.Context, target Server, against truetime.Bound) finishedTarget {
	e, err := NewEstimator([]Server{target}, o.Assumptions)
	if err != nil {
		return finishedTarget{err: err}
	}
	s, err := newSession(target, o.Local, o.Assumptions.Limits, o.Dialer)
	if err != nil {
		return finishedTarget{err: err}
	}
	o.ask(ctx, s, func(exchange func()) { exchange() }, func(x Exchange) { e.exchange(x) })
	at, err := ReadInstant(o.Local)
	if err != nil {
		return finishedTarget{err: fmt.Errorf("ntpprobe: the local clock: %w", err)}
	}
	interval, err := at.Interval(against)
	if err != nil {
		return finishedTarget{err: err}
	}
	status := e.Sources(at, &interval)[0]
	if status.Reason == ReasonOutside {
		status.Detail = fmt.Sprintf("%v outside the interval", short(gap(status.Estimate.Interval, interval)))
	}
	return finishedTarget{status: status}
}
