package truetime

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"time"
)

// maxSleep caps a single sleep, so that a disruption of the local clock is
// noticed during a long wait.
const maxSleep = time.Second

// UntilAfter returns how long the local clock must run until t has certainly
// passed, 0 if it has: what WaitUntilAfter would wait if no fresher bound
// arrives. Errors as in [Clock.After].
func (c *Clock) UntilAfter(t time.Time) (time.Duration, error) {
	target, err := unixNano(t)
	if err != nil {
		return 0, err
	}
	now, s, err := c.read()
	if err != nil {
		return 0, err
	}
	return remaining(target, now, s), nil
}

// WaitUntilAfter returns nil once t has certainly passed: some instant within
// the call was strictly later than t in true time.
//
// It fails at once if the clock is not usable (errors as in [Clock.After]), if
// the context has ended ([*WaitError]), and with a [*WaitTooLongError] if its deadline
// cannot be met. Once it waits, a clock that becomes unusable does not end the
// wait: the old readings are discarded and a fresh bound is awaited, until the
// context ends with a [*WaitError].
//
// Source: Corbett et al., OSDI 2012, §4.1.2, commit wait.
func (c *Clock) WaitUntilAfter(ctx context.Context, t time.Time) error {
	target, err := unixNano(t)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &WaitError{Cause: context.Cause(ctx)}
	}
	return c.waitUntilAfter(ctx, context.Background(), target, true)
}

// KeepWaitingUntilAfter is WaitUntilAfter for somebody who cannot turn back, such as a transaction
// that is durable already: from the beginning, a clock that is not usable is waited for, and what has passed needs no
// context. It ends early when ctx does or service, the context of what the wait is a part of and which many waits share: to join the
// two contexts would cost more than the wait. Errors: [*WaitError], [*WaitTooLongError] for the deadline of ctx, and one for a t that no timestamp holds.
func (c *Clock) KeepWaitingUntilAfter(ctx, service context.Context, t time.Time) error {
	target, err := unixNano(t)
	if err != nil {
		return err
	}
	return c.waitUntilAfter(ctx, service, target, false)
}

// waitUntilAfter decides on a single reading each time: nothing is carried over
// from a reading that an older bound made. Once it waits, an interval that has become too wide for
// Options.MaxUncertainty will do: its earliest is as true as ever.
func (c *Clock) waitUntilAfter(ctx, service context.Context, target int64, strict bool) error {
	read := c.readAny
	if strict {
		read = c.read
	}
	for first := true; ; first = false {
		now, s, err := read()
		sleep := maxSleep
		if err == nil {
			need := remaining(target, now, s)
			if need == 0 {
				return nil
			}
			if deadline, ok := ctx.Deadline(); first && ok && need > time.Until(deadline) {
				return &WaitTooLongError{Need: need, Limit: max(0, time.Until(deadline))}
			}
			sleep = min(sleep, need)
		} else if strict {
			return err
		}
		read, strict = c.readAny, false
		if ended := c.sleep(ctx, service, sleep, s); ended != nil {
			if now, s, late := c.readAny(); late == nil && remaining(target, now, s) == 0 {
				return nil // in time, though nobody was woken for it
			}
			return &WaitError{Cause: context.Cause(ended), Reason: err}
		}
	}
}

// sleep returns nil when d is over or s replaced, and otherwise the context that has ended.
func (c *Clock) sleep(ctx, service context.Context, d time.Duration, s *state) context.Context {
	alarms := c.wakers()
	alarm := alarms.set(d)
	select {
	case <-alarm.rung:
		return nil
	case <-s.replaced:
		alarms.leave(alarm)
		return nil
	case <-ctx.Done():
		alarms.leave(alarm)
		return ctx
	case <-service.Done():
		alarms.leave(alarm)
		return service
	}
}

// remaining returns how long the local clock must run until earliest has passed
// target, 0 if it has. Earliest is a line whose rate may be below 1, so the gap is
// divided by that rate and rounded up.
func remaining(target int64, now Interval, s *state) time.Duration {
	if now.earliest > target {
		return 0
	}
	gap := uint64(target) - uint64(now.earliest) + 1 // strictly after
	rate := uint64(slopeUnit + s.bound.Earliest.SlopePPB)
	hi, lo := bits.Mul64(gap, slopeUnit)
	if hi >= rate {
		return math.MaxInt64
	}
	need, rest := bits.Div64(hi, lo, rate)
	if rest != 0 {
		need++
	}
	return time.Duration(min(need, math.MaxInt64))
}

// WaitSynchronized returns nil once Now succeeds with an uncertainty of at most
// maxUncertainty (0: of any size). It returns a [*WaitError] with what is
// missing when the context ends first, and an error for a negative maxUncertainty.
// It sleeps until a bound is published; nothing polls.
func (c *Clock) WaitSynchronized(ctx context.Context, maxUncertainty time.Duration) error {
	if maxUncertainty < 0 {
		return errors.New("truetime: maxUncertainty cannot be negative")
	}
	for {
		now, s, err := c.read()
		if err == nil && maxUncertainty > 0 && now.Uncertainty() > maxUncertainty {
			err = &UncertaintyError{Have: now.Uncertainty(), Max: maxUncertainty}
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return &WaitError{Cause: context.Cause(ctx), Reason: err}
		case <-s.replaced:
		}
	}
}
