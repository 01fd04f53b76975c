package ntpprobe

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// contains asserts I1: earliest ≤ true time ≤ latest.
func (w *world) contains(t *testing.T, iv truetime.Interval, seed uint64) {
	t.Helper()
	if w.now < iv.EarliestUnixNano() || w.now > iv.LatestUnixNano() {
		t.Fatalf("seed %d: true time %d is outside [%d, %d]", seed, w.now, iv.EarliestUnixNano(), iv.LatestUnixNano())
	}
}

func TestEstimator_ContainsTrueTime_WhateverFLiarsDo(t *testing.T) {
	reads := 0
	for seed := range uint64(300) {
		n := 3 + int(seed%7)
		f := DefaultFaulty(n)
		w := newWorld(seed, n, f, 200_000)
		if seed%3 != 0 {
			w.steady([]int64{1_000, 15_000}[seed%2])
		}
		e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift, WanderPPB: w.wander})
		require.NoError(t, err)
		require.Equal(t, f, e.Faulty())
		var before truetime.Bound
		for range 60 {
			w.pass(time.Duration(w.random.Int64N(int64(20 * time.Second))))
			if w.random.IntN(5) == 0 {
				w.newRate()
			}
			s := w.exchange(w.random.IntN(n))
			err := e.Add(s)
			if _, lies := w.liars[int(s.Remote.Addr().As4()[3])-1]; err != nil && !lies {
				t.Fatalf("seed %d: an honest sample was refused: %v", seed, err)
			}
			b, err := e.Bound(w.reading())
			if err != nil {
				if noQuorum := new(truetime.NoQuorumError); errors.As(err, &noQuorum) && !noQuorum.Disproved() {
					continue // not yet enough servers
				}
				t.Fatalf("seed %d: %v", seed, err)
			}
			iv, err := b.Interval(w.reading())
			require.NoError(t, err)
			w.contains(t, iv, seed)
			neverWider(t, seed, before, b, w.reading())
			before = b
			ahead := *w // how the bound ages until an hour later
			ahead.pass(time.Duration(w.random.Int64N(int64(50 * time.Minute))))
			later, err := b.Interval(ahead.reading())
			require.NoError(t, err, "seed %d", seed)
			ahead.contains(t, later, seed)
			reads += 2
		}
	}
	require.Greater(t, reads, 30_000)
}

// neverWider asserts I3: at the reading of the new bound, neither side is worse
// than what the bound before says there.
func neverWider(t *testing.T, seed uint64, before, now truetime.Bound, r truetime.Reading) {
	t.Helper()
	if before.At.Epoch == 0 || before.Generation != now.Generation {
		return
	}
	was, err := before.Interval(r)
	require.NoError(t, err)
	is, err := now.Interval(r)
	require.NoError(t, err)
	if is.EarliestUnixNano() < was.EarliestUnixNano() || is.LatestUnixNano() > was.LatestUnixNano() {
		t.Fatalf("seed %d: %v widened to %v", seed, was, is)
	}
}

// TestEstimator_OneLiarMoreThanAllowed documents the limit: f + 1 liars that
// agree make a wrong interval, f + 1 that disagree make none.
func TestEstimator_OneLiarMoreThanAllowed(t *testing.T) {
	for name, shifts := range map[string][]int64{
		"colluding": {0, 250e6, 250e6},
		"far apart": {0, 250e6, -400e6},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(1, 3, 0, 200_000)
			e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
			require.NoError(t, err)
			for i, shift := range shifts {
				s := w.exchange(i)
				s.T2, s.T3 = s.T2+shift, s.T3+shift
				require.NoError(t, e.Add(s))
			}
			b, err := e.Bound(w.reading())
			if name == "colluding" {
				require.NoError(t, err)
				iv, err := b.Interval(w.reading())
				require.NoError(t, err)
				require.Greater(t, iv.EarliestUnixNano(), w.now, "the documented limit of f = 1 among 3")
				return
			}
			var noQuorum *truetime.NoQuorumError
			require.ErrorAs(t, err, &noQuorum)
			require.Equal(t, truetime.NoQuorumError{Domains: 3, Faulty: 1, Best: 1, Needed: 2}, *noQuorum)
			require.True(t, noQuorum.Disproved())
		})
	}
}

// TestEstimator_AllDelayOneWay puts the whole round trip on one side. Halving
// the delay instead of using two constraints would miss true time by 20 ms.
func TestEstimator_AllDelayOneWay(t *testing.T) {
	for _, outbound := range []bool{true, false} {
		w := newWorld(2, 1, 0, 200_000)
		s := Sample{Server: w.servers[0], Header: Header{Version: 4, Stratum: 1, PrecisionExponent: -20}, T1: w.reading()}
		if outbound {
			w.pass(40 * time.Millisecond)
		}
		s.T2, s.T3 = w.now, w.now
		if !outbound {
			w.pass(40 * time.Millisecond)
		}
		s.T4 = w.reading()
		e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
		require.NoError(t, err)
		require.NoError(t, e.Add(s))
		b, err := e.Bound(w.reading())
		require.NoError(t, err)
		iv, err := b.Interval(w.reading())
		require.NoError(t, err)
		w.contains(t, iv, 2)
		require.InDelta(t, 40e6, float64(iv.Width()), 100e3)
	}
}

// TestEstimator_ForgetsWhatIsOlderThanTheWindow: a dead server must not vouch
// for today, also if nobody asks it any more.
func TestEstimator_ForgetsWhatIsOlderThanTheWindow(t *testing.T) {
	w := newWorld(3, 3, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift, Window: 10 * time.Minute})
	require.NoError(t, err)
	for i := range w.servers {
		require.NoError(t, e.Add(w.exchange(i)))
	}
	_, err = e.Bound(w.reading())
	require.NoError(t, err)
	w.pass(11 * time.Minute)
	require.NoError(t, e.Add(w.exchange(0)))
	_, err = e.Bound(w.reading())
	var noQuorum *truetime.NoQuorumError
	require.ErrorAs(t, err, &noQuorum)
	require.Equal(t, 1, noQuorum.Domains)
	require.False(t, noQuorum.Disproved(), "too little data disproves nothing")
}

// TestEstimator_ExpiryCannotBeKeptAliveByALiar: it counts from the (f+1)-th
// newest domain.
func TestEstimator_ExpiryCannotBeKeptAliveByALiar(t *testing.T) {
	w := newWorld(4, 4, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift, MaxAge: 20 * time.Minute})
	require.NoError(t, err)
	var second int64
	for i := range w.servers {
		w.pass(time.Minute)
		s := w.exchange(i)
		require.NoError(t, e.Add(s))
		if i == 2 {
			second = s.T4.Nanos
		}
	}
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Equal(t, second+int64(20*time.Minute), b.Expires)
	w.pass(30 * time.Minute)
	require.NoError(t, e.Add(w.exchange(3)))
	_, err = e.Bound(w.reading())
	require.ErrorIs(t, err, truetime.ErrStale)
}

// TestEstimator_LocalClockJumps: when more than f servers contradict themselves
// the fault is ours. One disruption is reported, then the newest words count.
func TestEstimator_LocalClockJumps(t *testing.T) {
	w := newWorld(5, 4, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	for i := range w.servers {
		require.NoError(t, e.Add(w.exchange(i)))
	}
	first, err := e.Bound(w.reading())
	require.NoError(t, err)
	w.now += int64(5 * time.Second) // the machine was paused and nobody noticed
	disruptions := 0
	for i := range w.servers {
		require.NoError(t, e.Add(w.exchange(i)))
		b, err := e.Bound(w.reading())
		var disrupted *truetime.DisruptedError
		if errors.As(err, &disrupted) {
			disruptions++
			continue
		}
		if err == nil && b.Generation > first.Generation {
			iv, err := b.Interval(w.reading())
			require.NoError(t, err)
			w.contains(t, iv, 5)
		}
	}
	require.Equal(t, 1, disruptions)
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Greater(t, b.Generation, first.Generation)
}

// TestEstimator_NewEpochForgetsEverything: readings of another epoch say nothing.
func TestEstimator_NewEpochForgetsEverything(t *testing.T) {
	w := newWorld(6, 3, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	var old Sample
	for i := range w.servers {
		old = w.exchange(i)
		require.NoError(t, e.Add(old))
	}
	before, err := e.Bound(w.reading())
	require.NoError(t, err)
	past := w.reading()
	w.epoch = truetime.NewEpoch()
	_, err = e.Bound(w.reading())
	require.ErrorIs(t, err, truetime.ErrNoQuorum)
	var rejected *RejectedError
	require.ErrorAs(t, e.Add(old), &rejected)
	require.Equal(t, ReasonDisrupted, rejected.Reason)
	var disrupted *truetime.DisruptedError
	_, err = e.Bound(past)
	require.ErrorAs(t, err, &disrupted)
	for i := range w.servers {
		require.NoError(t, e.Add(w.exchange(i)))
	}
	after, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Greater(t, after.Generation, before.Generation)
}

// TestEstimator_ADisagreementForgetsTheCarriedBound: it may be the lie of f + 1.
func TestEstimator_ADisagreementForgetsTheCarriedBound(t *testing.T) {
	w := newWorld(1, 3, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	lie := func(i int, by int64) {
		s := w.exchange(i)
		s.T2, s.T3 = s.T2+by, s.T3+by
		require.NoError(t, e.Add(s))
	}
	lie(0, 0)
	lie(1, 250e6)
	lie(2, 250e6)
	first, err := e.Bound(w.reading())
	require.NoError(t, err)
	e.sources[2].window = window{} // it comes back with another story
	lie(2, -400e6)
	_, err = e.Bound(w.reading())
	require.ErrorIs(t, err, truetime.ErrNoQuorum)
	require.Equal(t, 1, e.Disproofs().Disagreement)
	e.sources[2].window = window{}
	lie(2, 0)
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Greater(t, b.Generation, first.Generation)
	iv, err := b.Interval(w.reading())
	require.NoError(t, err)
	w.contains(t, iv, 1)
}

func TestNewEstimator_RefusesWhatCannotWork(t *testing.T) {
	four := []Server{{Address: "a"}, {Address: "b"}, {Address: "c"}, {Address: "d"}}
	cases := []struct {
		why     string
		servers []Server
		assume  Assumptions
		text    string
	}{
		{"no server at all", nil, Assumptions{}, "none given"},
		{"the same server in two spellings", []Server{{Address: "A"}, {Address: "a:123"}}, Assumptions{}, "given twice"},
		{"two liars among four", four, Assumptions{Faulty: 2}, "at least 5 are needed if 2 may lie"},
		{"two ports of one host are one domain", []Server{{Address: "a:1"}, {Address: "a:2"}, {Address: "b"}}, Assumptions{Faulty: 1}, "2 failure domains are named"},
		{"an f that would overflow", four, Assumptions{Faulty: 1 << 62}, "is more than"},
		{"a wander beyond the drift", four, Assumptions{DriftPPB: 10, WanderPPB: 11}, "wander"},
		{"a negative f", four, Assumptions{Faulty: -2}, "negative"},
		{"a drift beyond reason", four, Assumptions{DriftPPB: 1e9}, "ppb is not from"},
		{"a negative drift", four, Assumptions{DriftPPB: -1}, "ppb is not from"},
		{"no memory", four, Assumptions{MaxSamples: 1}, "at least 2 samples"},
		{"no window", four, Assumptions{Window: time.Nanosecond}, "window"},
		{"a port out of range", []Server{{Address: "a:70000"}}, Assumptions{}, "1 to 65535"},
	}
	for _, c := range cases {
		_, err := NewEstimator(c.servers, c.assume)
		require.ErrorContains(t, err, c.text, c.why)
		var config *ConfigError
		var address *AddressError
		require.True(t, errors.As(err, &config) || errors.As(err, &address), c.why)
	}
	e, err := NewEstimator(four, Assumptions{Faulty: FaultyNone})
	require.NoError(t, err)
	require.Zero(t, e.Faulty())
	require.ErrorAs(t, e.Add(Sample{Server: Server{Address: "stranger"}}), new(*AddressError))
}

func TestDefaultFaulty_AtLeastOneFromThreeDomainsOn(t *testing.T) {
	got := fmt.Sprint(func() (f []int) {
		for n := range 11 {
			f = append(f, DefaultFaulty(n))
		}
		return
	}())
	require.Equal(t, "[0 0 0 1 1 1 1 2 2 2 3]", got)
}
