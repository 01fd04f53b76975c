package truetime_test

import (
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// served is a clock on a local clock that the test moves, with a bound of ±1 ms
// around noon.
type served struct {
	local *truetimetest.Manual
	clock *truetime.Clock
	bound truetime.Bound // as published
}

func newServed(t *testing.T, o truetime.Options) *served {
	t.Helper()
	s := &served{local: truetimetest.NewManual(0)}
	s.clock = truetime.New(s.local, o)
	s.bound = s.around(t, noon, time.Millisecond)
	require.NoError(t, s.clock.Update(s.bound, nil))
	return s
}

// around makes a bound at the present reading.
func (s *served) around(t *testing.T, trueNanos int64, ε time.Duration) truetime.Bound {
	t.Helper()
	r, err := s.local.Read()
	require.NoError(t, err)
	b := truetimetest.Around(r, trueNanos, ε, driftPPB)
	b.Generation = s.bound.Generation
	return b
}

func (s *served) state(t *testing.T, want truetime.State) truetime.Status {
	t.Helper()
	status := s.clock.Status()
	require.Equal(t, want, status.State, "%v", status.Reason)
	return status
}

var (
	tooFew    = &truetime.NoQuorumError{Domains: 2, Faulty: 1, Best: 2, Needed: 3}
	disproved = &truetime.NoQuorumError{Domains: 3, Faulty: 1, Best: 1, Needed: 2}
)

func TestClock_BeforeTheFirstBound(t *testing.T) {
	c := truetime.New(truetimetest.NewManual(0), truetime.Options{})
	_, err := c.Now()
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
	_, err = c.After(at(0))
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
	require.NoError(t, c.Update(truetime.Bound{}, tooFew), "a reason is taken note of")
	_, err = c.Now()
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
	require.ErrorIs(t, err, truetime.ErrNoQuorum, "and shown")
	require.Equal(t, truetime.Unsynchronized, c.Status().State)
}

func TestClock_Synchronized(t *testing.T) {
	s := newServed(t, truetime.Options{})
	s.local.Advance(time.Minute)
	now, err := s.clock.Now()
	require.NoError(t, err)
	require.Equal(t, at(time.Minute-13*time.Millisecond), now.Earliest(), "1 ms and 12 ms of drift")
	require.Equal(t, at(time.Minute+13*time.Millisecond), now.Latest())
	status := s.state(t, truetime.Synchronized)
	require.NoError(t, status.Reason)
	require.Equal(t, time.Minute, status.Age)
	require.Equal(t, now, status.Interval)
}

// TestClock_Holdover: with too few replies the old bound stays true and grows.
func TestClock_Holdover(t *testing.T) {
	s := newServed(t, truetime.Options{})
	require.NoError(t, s.clock.Update(truetime.Bound{}, tooFew))
	status := s.state(t, truetime.Holdover)
	require.ErrorIs(t, status.Reason, truetime.ErrNoQuorum)
	require.NoError(t, status.Err)
	s.local.Advance(time.Minute)
	now, err := s.clock.Now()
	require.NoError(t, err)
	require.Equal(t, 13*time.Millisecond, now.Uncertainty())
	require.NoError(t, s.clock.Update(s.around(t, noon+int64(time.Minute), time.Millisecond), nil))
	s.state(t, truetime.Synchronized)
}

// TestClock_DisprovedStopsServingAtOnce, and only a higher generation helps.
func TestClock_DisprovedStopsServingAtOnce(t *testing.T) {
	for why, reason := range map[string]error{
		"the servers contradict each other":     disproved,
		"the prober found an assumption broken": &truetime.DisruptedError{Cause: "a test"},
	} {
		t.Run(why, func(t *testing.T) {
			s := newServed(t, truetime.Options{})
			require.NoError(t, s.clock.Update(truetime.Bound{}, reason))
			_, err := s.clock.Now()
			require.ErrorAs(t, err, new(*truetime.DisruptedError))
			s.state(t, truetime.Disrupted)
			require.NoError(t, s.clock.Update(truetime.Bound{}, tooFew))
			s.state(t, truetime.Disrupted)

			again := s.around(t, noon, time.Millisecond)
			require.ErrorAs(t, s.clock.Update(again, nil), new(*truetime.BoundError), "the same generation was disproved")
			s.state(t, truetime.Disrupted)
			again.Generation++
			require.NoError(t, s.clock.Update(again, nil))
			s.state(t, truetime.Synchronized)
			again.Generation--
			require.ErrorAs(t, s.clock.Update(again, nil), new(*truetime.BoundError), "and stays so")
			s.state(t, truetime.Synchronized)
		})
	}
}

// TestClock_TwoBoundsThatExcludeEachOther: one was false when it was published.
func TestClock_TwoBoundsThatExcludeEachOther(t *testing.T) {
	s := newServed(t, truetime.Options{})
	require.ErrorAs(t, s.clock.Update(s.around(t, noon+int64(time.Second), time.Millisecond), nil), new(*truetime.DisruptedError))
	_, err := s.clock.Now()
	require.ErrorAs(t, err, new(*truetime.DisruptedError))
}

func TestClock_Suspend(t *testing.T) {
	s := newServed(t, truetime.Options{})
	s.local.Suspend("the lid was closed")
	_, err := s.clock.Now()
	var disrupted *truetime.DisruptedError
	require.ErrorAs(t, err, &disrupted)
	require.Equal(t, "the lid was closed", disrupted.Cause)
	require.ErrorAs(t, s.state(t, truetime.Disrupted).Reason, &disrupted)
	require.ErrorAs(t, s.clock.Update(s.bound, nil), new(*truetime.BoundError), "the old epoch is over")
	require.NoError(t, s.clock.Update(s.around(t, noon+int64(time.Hour), time.Millisecond), nil), "a new epoch needs no new generation")
	s.state(t, truetime.Synchronized)
}

func TestClock_RefusesBoundsAndKeepsWhatItHad(t *testing.T) {
	s := newServed(t, truetime.Options{})
	s.local.Advance(time.Second)
	before, err := s.clock.Now()
	require.NoError(t, err)
	for why, change := range map[string]func(*truetime.Bound){
		"the zero bound":   func(b *truetime.Bound) { *b = truetime.Bound{} },
		"inverted":         func(b *truetime.Bound) { b.Earliest, b.Latest = b.Latest, b.Earliest },
		"of another epoch": func(b *truetime.Bound) { b.At.Epoch = truetime.NewEpoch() },
		"from the future":  func(b *truetime.Bound) { b.At.Nanos++ },
		"expired":          func(b *truetime.Bound) { b.At.Nanos -= 1e9; b.Earliest.At, b.Latest.At = 0, 0; b.Expires = 1 },
	} {
		b := s.around(t, noon+1e9, time.Microsecond)
		change(&b)
		require.ErrorAs(t, s.clock.Update(b, nil), new(*truetime.BoundError), why)
		now, err := s.clock.Now()
		require.NoError(t, err, why)
		require.Equal(t, before, now, why)
	}
}

func TestClock_StaleAfterItsBoundExpires(t *testing.T) {
	s := newServed(t, truetime.Options{})
	s.local.Advance(time.Hour)
	_, err := s.clock.Now()
	require.NoError(t, err, "the last nanosecond")
	s.local.Advance(1)
	_, err = s.clock.Now()
	require.ErrorIs(t, err, truetime.ErrStale)
	require.ErrorIs(t, s.state(t, truetime.Unsynchronized).Reason, truetime.ErrStale)
}

func TestClock_TooUncertainToBeUseful(t *testing.T) {
	s := newServed(t, truetime.Options{MaxUncertainty: 13 * time.Millisecond})
	s.local.Advance(time.Minute)
	_, err := s.clock.Now()
	require.NoError(t, err, "exactly the limit")
	s.local.Advance(time.Second)
	_, err = s.clock.Now()
	var uncertain *truetime.UncertaintyError
	require.ErrorAs(t, err, &uncertain)
	require.Equal(t, truetime.UncertaintyError{Have: 13*time.Millisecond + 200*time.Microsecond, Max: 13 * time.Millisecond}, *uncertain)
	require.Equal(t, err, s.state(t, truetime.Synchronized).Err)
}

// TestClock_TheLocalClockFails: no reading, no interval; and New(nil) has none.
func TestClock_TheLocalClockFails(t *testing.T) {
	s := newServed(t, truetime.Options{})
	why := errors.New("seccomp says no")
	s.local.Fail(why)
	_, err := s.clock.Now()
	require.ErrorAs(t, err, new(*truetime.DisruptedError))
	require.ErrorIs(t, err, why)
	require.ErrorAs(t, s.clock.Update(s.bound, nil), new(*truetime.BoundError))
	s.state(t, truetime.Disrupted)

	none := truetime.New(nil, truetime.Options{})
	require.ErrorAs(t, none.Update(s.bound, nil), new(*truetime.BoundError))
	_, err = none.Now()
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
}

// TestClock_AfterAndBeforeAreStrict: the ends belong to the interval, so at them nothing
// is certain.
func TestClock_AfterAndBeforeAreStrict(t *testing.T) {
	s := newServed(t, truetime.Options{})
	for _, c := range []struct {
		why           string
		t             time.Time
		after, before bool
	}{
		{"one nanosecond before earliest has passed", at(-time.Millisecond - 1), true, false},
		{"earliest itself may be now", at(-time.Millisecond), false, false},
		{"the middle", at(0), false, false},
		{"latest itself may be now", at(time.Millisecond), false, false},
		{"one nanosecond after latest is still to come", at(time.Millisecond + 1), false, true},
	} {
		after, err := s.clock.After(c.t)
		require.NoError(t, err)
		before, err := s.clock.Before(c.t)
		require.NoError(t, err)
		require.Equal(t, [2]bool{c.after, c.before}, [2]bool{after, before}, c.why)
	}
}

// TestClock_MomentsThatNanosecondsCannotHold: the forgotten zero time among them,
// which must not count as passed.
func TestClock_MomentsThatNanosecondsCannotHold(t *testing.T) {
	s := newServed(t, truetime.Options{})
	for _, moment := range []time.Time{{}, time.Date(1677, 9, 21, 0, 0, 0, 0, time.UTC), time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err := s.clock.After(moment)
		require.ErrorIs(t, err, truetime.ErrOutOfRange, "%v", moment)
		_, err = s.clock.Before(moment)
		require.ErrorIs(t, err, truetime.ErrOutOfRange, "%v", moment)
		_, err = s.clock.UntilAfter(moment)
		require.ErrorIs(t, err, truetime.ErrOutOfRange, "%v", moment)
		require.ErrorIs(t, s.clock.WaitUntilAfter(t.Context(), moment), truetime.ErrOutOfRange, "%v", moment)
	}
	for _, moment := range []time.Time{time.Date(1678, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2262, 4, 11, 0, 0, 0, 0, time.UTC)} {
		_, err := s.clock.After(moment)
		require.NoError(t, err, "%v", moment)
	}
}

func TestClock_NowDoesNotAllocate(t *testing.T) {
	s := newServed(t, truetime.Options{MaxUncertainty: time.Hour})
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = s.clock.Now() }))
	strict := strictClock(t)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = strict.Now() }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = strict.After(at(0)) }))
}

// strictClock serves the real local clock, ±1 ms around the wall clock.
func strictClock(t testing.TB) *truetime.Clock {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	r, err := local.Read()
	require.NoError(t, err)
	c := truetime.New(local, truetime.Options{})
	require.NoError(t, c.Update(truetimetest.Around(r, time.Now().UnixNano(), time.Millisecond, driftPPB), nil))
	return c
}

// TestClock_ReadersWhileBoundsArePublished: never an error, never an Earliest that
// goes back (I3), and what one goroutine saw before another began is consistent:
// the later latest is not below the former earliest.
func TestClock_ReadersWhileBoundsArePublished(t *testing.T) {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	r, err := local.Read()
	require.NoError(t, err)
	base := noon - r.Nanos
	c := truetime.New(local, truetime.Options{})
	require.NoError(t, c.Update(truetimetest.Around(r, noon, time.Millisecond, driftPPB), nil))
	var seen atomic.Int64 // an earliest that somebody saw
	var readers, writer sync.WaitGroup
	var stop atomic.Bool
	writer.Go(func() {
		for i := 0; !stop.Load(); i++ {
			r, err := local.Read()
			if err != nil {
				t.Error(err)
				return
			}
			ε := time.Duration(i%1000+1) * time.Microsecond
			if err := c.Update(truetimetest.Around(r, base+r.Nanos+int64(i%3)-1, ε, driftPPB), nil); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			last := int64(math.MinInt64)
			for range 20_000 {
				before := seen.Load()
				now, err := c.Now()
				if err != nil || now.EarliestUnixNano() < last || now.LatestUnixNano() < before {
					t.Errorf("%v after earliest %d (another saw %d): %v", now, last, before, err)
					return
				}
				last = now.EarliestUnixNano()
				seen.Store(last)
			}
		})
	}
	readers.Wait()
	stop.Store(true)
	writer.Wait()
}

// TestClock_ABoundThatIsTrueButWillNotBeRefreshed: with a reason that disproves
// nothing the bound takes over and the clock is in holdover; with one that disproves it is ignored.
func TestClock_ABoundThatIsTrueButWillNotBeRefreshed(t *testing.T) {
	s := newServed(t, truetime.Options{})
	s.local.Advance(time.Second)
	require.NoError(t, s.clock.Update(s.around(t, noon+1e9, time.Microsecond), tooFew))
	status := s.state(t, truetime.Holdover)
	require.ErrorIs(t, status.Reason, truetime.ErrNoQuorum)
	require.Equal(t, time.Microsecond, status.Interval.Uncertainty(), "the new bound is served")
	require.NoError(t, s.clock.Update(s.around(t, noon+1e9, time.Nanosecond), disproved))
	s.state(t, truetime.Disrupted)
}

// TestClock_AnOlderBoundIsRefused: the one in force already has what it said.
func TestClock_AnOlderBoundIsRefused(t *testing.T) {
	s := newServed(t, truetime.Options{})
	old := s.around(t, noon, time.Minute)
	s.local.Advance(time.Second)
	require.NoError(t, s.clock.Update(s.around(t, noon+1e9, time.Microsecond), nil))
	require.ErrorAs(t, s.clock.Update(old, nil), new(*truetime.BoundError))
	require.Equal(t, time.Microsecond, s.clock.Status().Interval.Uncertainty())
}
