package ntpprobe

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// leapAge keeps the stories short: widened from half an hour before.
const leapAge = 30 * time.Minute

func TestLeap_Stories(t *testing.T) {
	never := func() Leap { return LeapNone }
	cases := []struct {
		story   string
		kind    Leap
		servers int
		set     func(w *leapWorld)
		wide    bool // it is seen to come
	}{
		{"a second is inserted, all know it", LeapInsert, 4, nil, true},
		{"a second is deleted, all know it", LeapDelete, 4, nil, true},
		{"servers make the step 2 s late", LeapInsert, 4, func(w *leapWorld) { w.late = 2 * time.Second }, true},
		{"they delete it 2 s late", LeapDelete, 4, func(w *leapWorld) { w.late = 2 * time.Second }, true},
		{"a liar hides it", LeapInsert, 4, func(w *leapWorld) { w.says[1] = never }, true},
		{"a liar says delete instead", LeapInsert, 4, func(w *leapWorld) { w.says[1] = func() Leap { return LeapDelete } }, true},
		{"two of seven hide a deletion", LeapDelete, 7, func(w *leapWorld) { w.says[1], w.says[2] = never, never }, true},
		{"servers announce it for another hour after it", LeapInsert, 4, func(w *leapWorld) { w.stays = time.Hour }, true},
		{"it is announced late: a bound that reaches it is out already", LeapInsert, 4, func(w *leapWorld) { w.ahead = 10 * time.Minute }, true},
		{"they stop announcing it five minutes before", LeapInsert, 4, func(w *leapWorld) {
			for i := range w.servers {
				w.says[i] = func() Leap { return w.until(w.instant - int64(5*time.Minute)) }
			}
		}, true},
		{"all took it back a quarter of an hour before a bound could reach it", LeapNone, 4, func(w *leapWorld) {
			for i := range w.servers {
				w.says[i] = func() Leap { return w.until(w.instant - int64(leapAge+15*time.Minute)) }
			}
		}, false},
		{"one liar of four announces one that does not come", LeapNone, 4, func(w *leapWorld) { w.says[1] = func() Leap { return LeapInsert } }, false},
		{"two liars of seven do", LeapNone, 7, func(w *leapWorld) {
			w.says[1], w.says[2] = func() Leap { return LeapInsert }, func() Leap { return LeapInsert }
		}, false},
		{"nobody says anything", LeapNone, 4, nil, false},
		{"one server, which knows it", LeapInsert, 1, nil, true},
	}
	for i, c := range cases {
		for _, policy := range []LeapPolicy{LeapWiden, LeapRefuse} {
			t.Run(fmt.Sprint(c.story, policy), func(t *testing.T) {
				seed := uint64(i)
				w := newLeapWorld(seed, c.servers, 0, c.kind, time.Hour)
				if c.set != nil {
					c.set(w)
				}
				wide, refused, last := 0, 0, truetime.Interval{}
				var generations []uint64
				w.run(t, seed, Assumptions{MaxAge: leapAge, Leap: policy}, 2*time.Hour, func(e *Estimator, iv truetime.Interval, err error) {
					before, after := w.instant-w.now, w.now-w.instant
					switch {
					case w.now < newYear-int64(55*time.Minute): // still synchronizing
						return
					case err != nil:
						require.ErrorIs(t, err, truetime.ErrLeap)
						require.Equal(t, LeapRefuse, policy)
						refused++
					case iv.Width() >= 2*time.Second:
						wide++
					case c.wide:
						require.True(t, before > int64(leapSecond) || after > leapSettle, "narrow at %v", time.Duration(after))
					}
					if err == nil && c.wide && before > int64(leapAge+time.Minute) || after > int64(10*time.Minute) {
						require.NoError(t, err)
						require.Less(t, iv.Width(), 200*time.Millisecond, "long before and after it is as narrow as ever")
					}
					generations, last = append(generations, e.generation), iv
					require.Equal(t, Disproofs{}, e.Disproofs(), "it was foreseen")
				})
				require.NotZero(t, last.Width())
				require.Equal(t, c.wide && policy == LeapWiden, wide > 0)
				require.Equal(t, c.wide && policy == LeapRefuse, refused > 0)
				require.Equal(t, c.wide, len(slices.Compact(generations)) > 1, "the generation rises, and only with a leap second")
			})
		}
	}
}

// TestLeap_ContainsTrueTime_WhateverFLiarsDo: they lie about the time and about the leap second.
func TestLeap_ContainsTrueTime_WhateverFLiarsDo(t *testing.T) {
	answers := 0
	for seed := range uint64(60) {
		n := 3 + int(seed%5)
		kind := []Leap{LeapInsert, LeapDelete, LeapNone}[seed%3]
		w := newLeapWorld(seed, n, DefaultFaulty(n), kind, 50*time.Minute)
		w.late = time.Duration(w.random.Int64N(int64(3 * time.Second)))
		w.ahead = 40*time.Minute + time.Duration(w.random.Int64N(int64(20*time.Minute)))
		w.stays = time.Duration(w.random.Int64N(int64(time.Hour)))
		for i := range w.liars {
			w.says[i] = func() Leap { return Leap(w.random.IntN(3)) }
		}
		policy := LeapPolicy(seed / 3 % 2)
		wide := false
		w.run(t, seed, Assumptions{MaxAge: 10 * time.Minute, Window: 20 * time.Minute, Leap: policy}, 80*time.Minute, func(_ *Estimator, iv truetime.Interval, err error) {
			if err == nil {
				answers++
			}
			wide = wide || err == nil && iv.Width() >= 2*time.Second
		})
		if n > 3 { // of three a liar can always take the quorum away
			require.Equal(t, kind != LeapNone && policy == LeapWiden, wide, "seed %d", seed)
		}
	}
	require.Greater(t, answers, 20_000)
}

// TestLeap_ALocalClockThatStopsOverTheLeapSecond: a new epoch in the middle of it, and
// bounds only from one side of it.
func TestLeap_ALocalClockThatStopsOverTheLeapSecond(t *testing.T) {
	for _, at := range []time.Duration{-5 * time.Minute, -500 * time.Millisecond, 500 * time.Millisecond, 20 * time.Second, 5 * time.Minute} {
		w := newLeapWorld(3, 4, 0, LeapInsert, time.Hour)
		slept, served := false, 0
		w.run(t, 3, Assumptions{MaxAge: leapAge}, 2*time.Hour, func(_ *Estimator, _ truetime.Interval, err error) {
			if !slept && w.now >= w.instant+int64(at)-int64(10*time.Second) {
				w.now = w.instant + int64(at) // the local clock stood still meanwhile
				w.epoch, slept = truetime.NewEpoch(), true
			}
			if slept && err == nil {
				served++
			}
		})
		require.Greater(t, served, 500, at)
	}
}

// TestLeap_OneThatTooFewAnnounced: only one server was up before the leap second. What it said then is
// not used beside what the others say after it, else it and a liar would agree on
// the time without it.
func TestLeap_OneThatTooFewAnnounced(t *testing.T) {
	for _, again := range []bool{false, true} {
		w := newLeapWorld(4, 3, 0, LeapInsert, time.Minute)
		e, err := NewEstimator(w.servers, Assumptions{})
		require.NoError(t, err)
		require.NoError(t, e.Add(w.ask(0)))
		_, err = e.Bound(w.reading())
		require.ErrorIs(t, err, truetime.ErrNoQuorum)
		require.Equal(t, PendingLeap{}, e.Leap(), "one of three may lie")
		w.pass(3 * time.Minute)
		if again {
			require.NoError(t, e.Add(w.ask(0)))
		}
		require.NoError(t, e.Add(w.ask(1)))
		liar := w.ask(2)
		liar.T2, liar.T3 = liar.T2+leapSecond, liar.T3+leapSecond
		require.NoError(t, e.Add(liar))
		b, err := e.Bound(w.reading())
		if !again {
			require.ErrorIs(t, err, truetime.ErrNoQuorum)
			continue
		}
		require.NoError(t, err)
		iv, err := b.Interval(w.reading())
		require.NoError(t, err)
		require.True(t, iv.Contains(time.Unix(0, w.posix(w.now))))
	}
}

func TestLeap_LateSamplesFromBeforeAreRefused(t *testing.T) {
	w := newLeapWorld(5, 3, 0, LeapInsert, time.Minute)
	e, err := NewEstimator(w.servers, Assumptions{})
	require.NoError(t, err)
	ask := func() (old Sample) {
		for i := range w.servers {
			old = w.ask(i)
			require.NoError(t, e.Add(old))
		}
		return old
	}
	old := ask()
	_, err = e.Bound(w.reading())
	require.NoError(t, err)
	require.Equal(t, PendingLeap{LeapInsert, time.Unix(0, newYear).UTC()}, e.Leap())
	w.pass(50 * time.Second)
	w.pass(10 * time.Second)
	var rejected *RejectedError
	require.ErrorAs(t, e.Add(w.ask(0)), &rejected)
	require.Equal(t, ReasonLeap, rejected.Reason, "within the leap second nobody is believed")
	w.pass(time.Minute)
	ask()
	_, err = e.Bound(w.reading())
	require.NoError(t, err)
	require.Equal(t, PendingLeap{}, e.Leap())
	require.ErrorAs(t, e.Add(old), &rejected)
	require.Equal(t, ReasonLeap, rejected.Reason)
}

func TestSample_SideOfALeapSecond(t *testing.T) {
	e := int64((Sample{}).RootDistance())
	for _, c := range []struct {
		why    string
		t2, t3 int64
		want   side
	}{
		{"well before", -1e12, -1e12, beforeLeap},
		{"just before 23:59:59, with its error", -1e9 - e - 1, -1e9 - e - 1, beforeLeap},
		{"it may be 23:59:59, which may be deleted", -1e9 - e, -1e9 - e, duringLeap},
		{"the exchange straddles the leap second", -1e12, 60e9, duringLeap},
		{"it may be late", 0, 0, duringLeap},
		{"half a minute later, less its error", leapSettle + e - 1, leapSettle + e, duringLeap},
		{"half a minute later", leapSettle + e, leapSettle + e, afterLeap},
	} {
		require.Equal(t, c.want, Sample{T2: newYear + c.t2, T3: newYear + c.t3}.side(newYear), c.why)
	}
}

func TestAnnounced_TakesOneMoreThanMayLie(t *testing.T) {
	at := func(text string, leap Leap) Sample {
		moment, err := time.Parse(time.DateTime, text)
		require.NoError(t, err)
		return Sample{T3: moment.UnixNano(), Header: Header{Leap: leap}}
	}
	mid, eve := "2026-12-10 12:00:00", "2026-12-31 23:59:58"
	smeared := at(mid, LeapInsert)
	smeared.Server.Smear = "google24h"
	for _, c := range []struct {
		why     string
		f       int
		voices  []Sample
		kind    Leap
		instant string
	}{
		{"silence", 0, []Sample{at(mid, LeapNone)}, LeapNone, ""},
		{"one is enough if nobody lies", 0, []Sample{at(mid, LeapInsert)}, LeapInsert, "2027-01-01 00:00:00"},
		{"one may be the liar", 1, []Sample{at(mid, LeapInsert), at(mid, LeapNone), at(mid, LeapNone)}, LeapNone, ""},
		{"two mean that one is honest", 1, []Sample{at(mid, LeapInsert), at(eve, LeapInsert), at(mid, LeapNone)}, LeapInsert, "2027-01-01 00:00:00"},
		{"two that differ in kind as well", 1, []Sample{at(mid, LeapDelete), at(eve, LeapInsert), at(eve, LeapDelete)}, LeapDelete, "2027-01-01 00:00:00"},
		{"two that differ in the month do not", 1, []Sample{at(mid, LeapInsert), at("2026-11-10 12:00:00", LeapInsert)}, LeapNone, ""},
		{"a day in the middle of a month means its end", 0, []Sample{at("2028-02-10 23:59:59", LeapInsert)}, LeapInsert, "2028-03-01 00:00:00"},
		{"there is none on a smeared scale", 0, []Sample{smeared}, LeapNone, ""},
	} {
		kind, instant := announced(c.voices, c.f)
		require.Equal(t, c.kind, kind, c.why)
		if c.instant != "" {
			require.Equal(t, at(c.instant, 0).T3, instant, c.why)
		}
	}
}

// TestLeap_ShortMemory: the windows run empty while nobody is believed. Silence takes no
// announcement back, so what comes after is still another generation.
func TestLeap_ShortMemory(t *testing.T) {
	for seed := range uint64(20) {
		w := newLeapWorld(seed, 4, 0, LeapInsert, 20*time.Minute)
		var before, after uint64
		w.run(t, seed, Assumptions{Window: 32 * time.Second, MaxAge: time.Second, Faulty: FaultyNone}, 40*time.Minute, func(e *Estimator, _ truetime.Interval, _ error) {
			switch {
			case w.now < newYear-int64(2*time.Minute):
				before = e.generation
			case w.now > newYear:
				after = e.generation
			}
		})
		require.NotZero(t, before)
		require.Greater(t, after, before, "seed %d", seed)
	}
}

// TestLeap_LiarsCannotEndIt by claiming that it is over: two of seven may lie, so it takes
// five that say so, of which three are honest.
func TestLeap_LiarsCannotEndIt(t *testing.T) {
	w := newLeapWorld(6, 7, 0, LeapInsert, 5*time.Minute)
	e, err := NewEstimator(w.servers, Assumptions{})
	require.NoError(t, err)
	pending := func(hurry int) bool {
		for i := range w.servers {
			s := w.ask(i)
			if i < hurry {
				s.T2, s.T3 = s.T2+int64(time.Hour), s.T3+int64(time.Hour)
			}
			require.NoError(t, e.Add(s))
		}
		_, err := e.Bound(w.reading())
		require.NoError(t, err)
		return e.Leap().Kind == LeapInsert
	}
	require.True(t, pending(0))
	require.True(t, pending(2))
	w.pass(10 * time.Minute)
	require.False(t, pending(0))
}
