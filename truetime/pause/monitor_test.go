package pause

import (
	"context"
	"errors"
	"math"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/clocks"
)

// script is a source that moves the wall clock by a minute at each look but the first, so that
// each makes a finding.
type script struct {
	looks  atomic.Int64
	fails  int64 // at that look
	stops  int64 // for 500 ms in that look, after the clocks were read
	begins time.Time
}

var errScript = errors.New("no clock")

func (s *script) look() (clocks.Sandwich, reading, error) {
	n := s.looks.Add(1)
	if n == s.fails {
		return clocks.Sandwich{}, reading{}, errScript
	}
	raw := start + int64(time.Since(s.begins))
	wall := 1_700_000_000e9 + raw + n*int64(time.Minute)
	sandwich := clocks.Sandwich{Raw: [2]int64{raw, raw + 700}, Boot: [2]int64{raw + 100, raw + 600}, Real: [2]int64{wall + 200, wall + 500}, Mono: raw + 300, TAI: wall + 400}
	if n == s.stops {
		time.Sleep(500 * ms) // virtual
	}
	return sandwich, reading{mono: raw + 300, wall: wall}, nil
}

func (s *script) accounts() *accounts { return nil }
func (s *script) close()              {}

func scripted(t *testing.T, o Options) (*Monitor, *script) {
	t.Helper()
	o.Period = 100 * ms
	m, err := New(o)
	require.NoError(t, err)
	s := &script{begins: time.Now()}
	m.source = s
	return m, s
}

// TestMonitor_NeverWaitsForACallback: one that takes ten seconds delays no look, the history
// stays bounded, and the next call says how many it missed.
func TestMonitor_NeverWaitsForACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var got []Finding
		m, s := scripted(t, Options{History: 8, Notify: func(f Finding) {
			got = append(got, f)
			if len(got) == 1 {
				time.Sleep(10 * time.Second) // virtual
			}
		}})
		ended := make(chan error)
		go func() { ended <- m.Run(ctx) }()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		require.Equal(t, int64(91), s.looks.Load(), "every 100 ms, and nothing waited")
		require.Len(t, got, 1)
		require.Len(t, m.History(), 8)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		cancel()
		require.NoError(t, <-ended)
		var missed, sum uint64
		for i, f := range got {
			require.Equal(t, Stepped, f.Kind)
			require.True(t, i == 0 || f.Wall.After(got[i-1].Wall), "in order")
			missed, sum = max(missed, f.Missed), sum+f.Missed
		}
		require.Equal(t, missed, sum, "missed once")
		require.Equal(t, uint64(s.looks.Load()-1), uint64(len(got))+missed, "each finding was delivered, or counted as missed")
		require.Greater(t, missed, uint64(80))
		history := m.History()
		require.Equal(t, got[len(got)-1].Wall, history[7].Wall)
		require.Zero(t, history[0].Missed)
	})
}

// TestMonitor_EndsWithItsContext: Run waits for the callback in progress, and only for that.
func TestMonitor_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		calls, goOn := 0, make(chan struct{})
		m, _ := scripted(t, Options{Notify: func(Finding) { calls++; <-goOn }})
		ended := make(chan error, 1)
		go func() { ended <- m.Run(ctx) }()
		time.Sleep(time.Second)
		require.ErrorIs(t, m.Run(t.Context()), ErrRunning)
		cancel()
		synctest.Wait()
		require.Empty(t, ended, "the callback has not returned")
		close(goOn)
		require.NoError(t, <-ended)
		require.Equal(t, 1, calls, "no other call was begun")
		again, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		require.NoError(t, m.Run(again), "it may run again")
	})
}

// TestMonitor_RunsAgain: what the callback was not called with when Run ended is delivered by the
// next Run.
func TestMonitor_RunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Finding
		m, _ := scripted(t, Options{Notify: func(f Finding) {
			got = append(got, f)
			if len(got) == 1 {
				time.Sleep(time.Second) // virtual: until after the end of the first Run
			}
		}})
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 450*ms)
			require.NoError(t, m.Run(ctx))
			cancel()
		}
		require.Len(t, m.History(), 8)
		require.Equal(t, m.History(), got)
	})
}

// TestMonitor_StoppedWhileItLooks: what no reading has yet shows in the next one, which is
// overdue and follows at once.
func TestMonitor_StoppedWhileItLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		var stopped []Finding
		var told time.Duration
		begins := time.Now()
		m, s := scripted(t, Options{Notify: func(f Finding) {
			if f.Kind == Stopped {
				stopped, told = append(stopped, f), time.Since(begins)
			}
		}})
		s.stops = 6
		require.NoError(t, m.Run(ctx))
		require.Len(t, stopped, 1)
		require.Equal(t, 400*ms, stopped[0].Least)
		require.Equal(t, 500*ms, stopped[0].Most)
		require.Equal(t, time.Second, told, "it began at 500 ms and took as long")
	})
}

// TestMonitor_AClockThatCannotBeRead ends it.
func TestMonitor_AClockThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, s := scripted(t, Options{Notify: func(Finding) {}})
		s.fails = 5
		require.ErrorIs(t, m.Run(t.Context()), errScript)
	})
}

// TestMonitor_WithoutACallback keeps its history alone.
func TestMonitor_WithoutACallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 450*ms)
		defer cancel()
		m, _ := scripted(t, Options{})
		require.NoError(t, m.Run(ctx))
		require.Len(t, m.History(), 4)
	})
}

func TestOptions_OutOfRange(t *testing.T) {
	for _, o := range []Options{{Period: -1}, {Pause: -1}, {Step: -1}, {History: -1}, {Period: time.Microsecond}, {Period: time.Hour}} {
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions, "%+v", o)
	}
}

// TestMachine_IsReadable: the one that the test runs on.
func TestMachine_IsReadable(t *testing.T) {
	m := newMachine()
	defer m.close()
	_, first, err := m.look()
	require.NoError(t, err)
	s, r, err := m.look()
	require.NoError(t, err)
	require.False(t, s.Torn())
	require.Equal(t, s.Mono, r.mono, "a pause is late by the clock of timers, which nobody steps")
	require.GreaterOrEqual(t, r.cpu, first.cpu)
	require.Greater(t, r.mono, first.mono)
	t.Logf("thread %d waited for %v", r.thread, r.waited)
	if a := m.accounts(); a != nil {
		require.NotEmpty(t, a.stolen, "/proc/stat")
	}
}

// TestTotal_OfAHistogram: each entry counts as the lower end of its bucket.
func TestTotal_OfAHistogram(t *testing.T) {
	h := &metrics.Float64Histogram{Buckets: []float64{math.Inf(-1), 0, 0.001, 0.1, math.Inf(1)}, Counts: []uint64{1, 5, 3, 2}}
	require.Equal(t, 203*ms, total(h))
}
