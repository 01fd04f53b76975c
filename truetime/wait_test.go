package truetime_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// counting counts how often the local clock is read: a wait wakes up that often.
type counting struct {
	truetime.LocalClock
	reads atomic.Int64
}

func (c *counting) Read() (truetime.Reading, error) {
	c.reads.Add(1)
	return c.LocalClock.Read()
}

// bubble is a clock in virtual time whose interval is ±1 ms around it.
type bubble struct {
	local *counting
	clock *truetime.Clock
}

func newBubble(t *testing.T, ratePPB int64) *bubble {
	b := &bubble{local: &counting{LocalClock: truetimetest.NewVirtual(ratePPB)}}
	b.clock = truetime.New(b.local, truetime.Options{})
	b.publish(t, 0, time.Millisecond)
	return b
}

// publish gives the clock a bound of a new generation, off by lie.
func (b *bubble) publish(t *testing.T, lie, ε time.Duration) {
	r, err := b.local.Read()
	require.NoError(t, err)
	bound := truetimetest.Around(r, time.Now().Add(lie).UnixNano(), ε, driftPPB)
	bound.Generation = truetime.NewGeneration()
	require.NoError(t, b.clock.Update(bound, nil))
}

// TestWait_EndsWhenEarliestHasPassed_WithOneWakeUp: for any rate of the local
// clock within ±D the wait is as long as the bound makes it and not longer.
func TestWait_EndsWhenEarliestHasPassed_WithOneWakeUp(t *testing.T) {
	for _, rate := range []int64{0, driftPPB, -driftPPB} {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t, rate)
			target := time.Now().Add(500 * time.Millisecond)
			began, reads := time.Now(), b.local.reads.Load()
			require.NoError(t, b.clock.WaitUntilAfter(t.Context(), target))
			waited := time.Since(began)
			passed, err := b.clock.After(target)
			require.NoError(t, err)
			require.True(t, passed)
			require.Greater(t, time.Now(), target, "in true time")
			// earliest = reading·(1 − D) − 1 ms must exceed 500 ms
			ideal := 501 * time.Millisecond * 1_000_000_000 / (1_000_000_000 - driftPPB)
			ideal = ideal * 1_000_000_000 / time.Duration(1_000_000_000+rate)
			require.InDelta(t, float64(ideal), float64(waited), float64(time.Duration(driftPPB)*time.Microsecond/1000))
			wakeUps := b.local.reads.Load() - reads - 3 // checked before, at first, and by After
			limit := int64(1)
			if rate < 0 {
				limit = 3 // the timer runs faster than the local clock: 100 µs, then 20 ns remain
			}
			require.LessOrEqual(t, wakeUps, limit)
		})
	}
}

// TestWait_IsStrict: at the moment at which earliest equals the target it goes on,
// one nanosecond later it ends.
func TestWait_IsStrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewVirtual(0)
		r, err := local.Read()
		require.NoError(t, err)
		clock := truetime.New(local, truetime.Options{})
		require.NoError(t, clock.Update(truetimetest.Around(r, time.Now().UnixNano(), time.Millisecond, 0), nil))
		began := time.Now()
		require.NoError(t, clock.WaitUntilAfter(t.Context(), began.Add(-time.Millisecond)))
		require.Equal(t, time.Nanosecond, time.Since(began))
		began = time.Now()
		require.NoError(t, clock.WaitUntilAfter(t.Context(), began.Add(time.Millisecond)))
		require.Equal(t, 2*time.Millisecond+1, time.Since(began), "2ε and a nanosecond")
		began = time.Now()
		require.NoError(t, clock.WaitUntilAfter(t.Context(), began.Add(-time.Millisecond-1)))
		require.Zero(t, time.Since(began), "what has passed needs no wait")
	})
}

func TestWait_RefusesAtOnceWhatCannotEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := b.clock.WaitUntilAfter(ctx, time.Now().Add(9*time.Millisecond))
		var tooLong *truetime.WaitTooLongError
		require.ErrorAs(t, err, &tooLong)
		require.Equal(t, 10*time.Millisecond, tooLong.Limit)
		require.InDelta(t, 10*time.Millisecond+2*time.Microsecond, tooLong.Need, 100)
		require.NoError(t, b.clock.WaitUntilAfter(ctx, time.Now().Add(-time.Hour)))

		ended, end := context.WithCancelCause(t.Context())
		why := errors.New("shutting down")
		end(why)
		err = b.clock.WaitUntilAfter(ended, time.Now())
		require.ErrorAs(t, err, new(*truetime.WaitError))
		require.ErrorIs(t, err, why)

		fresh := truetime.New(b.local, truetime.Options{})
		require.ErrorIs(t, fresh.WaitUntilAfter(t.Context(), time.Now()), truetime.ErrUnsynchronized)
		require.Zero(t, time.Since(began))
	})
}

func TestWait_CancelledMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("the client went away")
		time.AfterFunc(3*time.Second, func() { cancel(why) })
		began := time.Now()
		err := b.clock.WaitUntilAfter(ctx, time.Now().Add(time.Minute))
		require.ErrorIs(t, err, why)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

// TestWait_Disrupted_ThenAFreshBoundThatIsEarlier: what the disproved bound said
// is discarded, so the wait is longer.
func TestWait_Disrupted_ThenAFreshBoundThatIsEarlier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		b.publish(t, 10*time.Millisecond, time.Millisecond) // wrong, as will turn out
		target := time.Now().Add(20 * time.Millisecond)
		time.AfterFunc(5*time.Millisecond, func() {
			require.NoError(t, b.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "a test"}))
		})
		time.AfterFunc(15*time.Millisecond, func() { b.publish(t, 0, time.Millisecond) })
		require.NoError(t, b.clock.WaitUntilAfter(t.Context(), target))
		require.Greater(t, time.Now(), target.Add(time.Millisecond-time.Nanosecond), "the old bound would have let it end 10 ms before")
	})
}

// TestWait_DisruptedUntilTheContextEnds: both reasons are in the error.
func TestWait_DisruptedUntilTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(time.Second, func() {
			require.NoError(t, b.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "a test"}))
		})
		err := b.clock.WaitUntilAfter(ctx, time.Now().Add(10*time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorAs(t, err, new(*truetime.DisruptedError))
	})
}

// TestWait_SuspendedMeanwhile: the suspend is noticed within a second without any
// update, and the wait does not end on the old epoch.
func TestWait_SuspendedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewManual(0)
		clock := truetime.New(local, truetime.Options{})
		r, err := local.Read()
		require.NoError(t, err)
		require.NoError(t, clock.Update(truetimetest.Around(r, noon, time.Millisecond, driftPPB), nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(time.Second/2, func() { local.Suspend("asleep"); local.Advance(time.Hour) })
		err = clock.WaitUntilAfter(ctx, at(30*time.Second))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		var disrupted *truetime.DisruptedError
		require.ErrorAs(t, err, &disrupted)
		require.Equal(t, "asleep", disrupted.Cause)
	})
}

func TestWait_LooksAtTheClockEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		reads := b.local.reads.Load()
		require.NoError(t, b.clock.WaitUntilAfter(t.Context(), time.Now().Add(10*time.Second)))
		require.InDelta(t, 13, b.local.reads.Load()-reads, 1, "2 before, 10 full seconds, the rest")
	})
}

func TestUntilAfter_IsWhatTheWaitTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, 0)
		target := time.Now().Add(700 * time.Millisecond)
		need, err := b.clock.UntilAfter(target)
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, b.clock.WaitUntilAfter(t.Context(), target))
		require.Equal(t, need, time.Since(began))
		need, err = b.clock.UntilAfter(target)
		require.NoError(t, err)
		require.Zero(t, need)
	})
}

// TestWaitSynchronized wakes when a bound comes, and when a better one does.
func TestWaitSynchronized(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{local: &counting{LocalClock: truetimetest.NewVirtual(0)}}
		b.clock = truetime.New(b.local, truetime.Options{})
		time.AfterFunc(time.Hour, func() { b.publish(t, 0, 10*time.Millisecond) })
		time.AfterFunc(2*time.Hour, func() { b.publish(t, 0, time.Millisecond) })
		began := time.Now()
		require.NoError(t, b.clock.WaitSynchronized(t.Context(), 0))
		require.Equal(t, time.Hour, time.Since(began))
		require.NoError(t, b.clock.WaitSynchronized(t.Context(), time.Millisecond))
		require.Equal(t, 2*time.Hour, time.Since(began))
		require.Less(t, b.local.reads.Load(), int64(10), "nothing polls")

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := b.clock.WaitSynchronized(ctx, time.Microsecond)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorAs(t, err, new(*truetime.UncertaintyError))
		require.Error(t, b.clock.WaitSynchronized(t.Context(), -1))
	})
}
