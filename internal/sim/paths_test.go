package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// twin is a world asked by hand, beside another one of the same seed.
type twin struct {
	*World
	estimator *ntpprobe.Estimator
}

func newTwin(t *testing.T, c Config, a ntpprobe.Assumptions) twin {
	w := New(c)
	e, err := ntpprobe.NewEstimator(w.Servers(), a)
	require.NoError(t, err)
	return twin{w, e}
}

// ask adds a sample of server i, if there is one, and returns it.
func (w twin) ask(t *testing.T, i int, at time.Duration) (ntpprobe.Sample, bool) {
	s, _, err := w.Exchange(i, at, time.Second)
	if err != nil {
		return s, false
	}
	require.NoError(t, w.estimator.Add(s))
	return s, true
}

func (w twin) read(t *testing.T, at time.Duration) (truetime.Interval, bool) {
	b, err := w.estimator.Bound(w.Reading(at))
	if err != nil {
		return truetime.Interval{}, false
	}
	iv, err := b.Interval(w.Reading(at))
	require.NoError(t, err)
	return iv, true
}

// TestExtraDelay_WidensItsOwnSideOnly looks at a clock of which only
// the drift is known: a delay d on the way out moves latest by at most d and
// earliest not at all, on the way back the other way round.
func TestExtraDelay_WidensItsOwnSideOnly(t *testing.T) {
	const d, rounding = 5 * time.Millisecond, 2
	for _, side := range []struct {
		name          string
		forward, back time.Duration
	}{{"out", d, 0}, {"back", 0, d}, {"both", d, d}} {
		t.Run(side.name, func(t *testing.T) {
			a := ntpprobe.Assumptions{DriftPPB: DrawnDriftPPB, WanderPPB: DrawnDriftPPB}
			delayed := WAN(3, 4)
			for i := range delayed.Servers {
				delayed.Servers[i].Path.Attacks = []HoldBack{{To: delayed.Length, Forward: side.forward, Back: side.back}}
			}
			usual, slow := newTwin(t, WAN(3, 4), a), newTwin(t, delayed, a)
			compared := 0
			for k := range 400 {
				at := time.Duration(k) * 11 * time.Second
				usual.ask(t, k%4, at)
				slow.ask(t, k%4, at)
				before, ok1 := usual.read(t, at+10*time.Second)
				after, ok2 := slow.read(t, at+10*time.Second)
				if !ok1 || !ok2 {
					continue
				}
				compared++
				// A lower constraint is as tight as before and a little younger: never worse.
				require.LessOrEqual(t, after.LatestUnixNano()-before.LatestUnixNano(), int64(side.forward)+rounding)
				require.LessOrEqual(t, before.EarliestUnixNano()-after.EarliestUnixNano(), int64(side.back)+rounding)
			}
			require.Greater(t, compared, 350)
		})
	}
}

// TestDelayAttack_CostsWidthOnly: while an attacker holds packets
// back the interval is wide and true, and one good exchange with each server
// later it is again no wider than that exchange alone makes it.
func TestDelayAttack_CostsWidthOnly(t *testing.T) {
	const x = 80 * time.Millisecond
	attack := Span{2 * time.Hour, 4 * time.Hour}
	c := WAN(4, 1)
	c.Servers[0].Path.Attacks = []HoldBack{{From: attack.From, To: attack.To, Forward: x}}
	var last ntpprobe.Sample
	var lastAt time.Duration
	widest, after := time.Duration(0), 0
	r := drive(t, New(c), Plan{
		Assumptions: ntpprobe.Assumptions{DriftPPB: DrawnDriftPPB, WanderPPB: DrawnWanderPPB, Window: 30 * time.Minute},
		OnSample: func(_ int, at time.Duration, s ntpprobe.Sample, rejected error) {
			if rejected == nil {
				last, lastAt = s, at
			}
		},
		OnRead: func(read Read) {
			if attack.contains(read.At) {
				widest = max(widest, read.Interval.Width())
			}
			if lastAt < attack.To+time.Second {
				return
			}
			after++
			alone, err := last.Bound(DrawnDriftPPB, time.Hour)
			require.NoError(t, err)
			iv, err := alone.Interval(read.Reading)
			require.NoError(t, err)
			require.LessOrEqual(t, read.Interval.Width(), iv.Width()+2) // rounded twice
		},
	})
	holds(t, r)
	require.Greater(t, widest, x, "the attack was felt")
	require.Greater(t, after, 1000)
	require.Greater(t, r.Fired["hold-back"], 50)
}

// TestLossDuplicatesReplays: half of all packets are lost, many
// arrive twice, old replies arrive again, and nothing is taken twice.
func TestLossDuplicatesReplays(t *testing.T) {
	alone(t)
	for seed := range uint64(2) {
		c := WAN(seed, 5)
		for i := range c.Servers {
			p := &c.Servers[i].Path
			p.Loss, p.Duplicate, p.Replay = 0.3, 0.5, 0.5 // 51 % of exchanges without a reply
			p.Forward.Jitter, p.Back.Jitter = 20*time.Millisecond, 20*time.Millisecond
		}
		type stamps struct {
			server int
			t2, t3 int64
		}
		seen := map[stamps]bool{}
		r := drive(t, New(c), Plan{Assumptions: assume(2), Poll: 4 * time.Second, OnSample: func(i int, _ time.Duration, s ntpprobe.Sample, rejected error) {
			if rejected != nil {
				require.Regexp(t, "no reply|none a reply to our request", rejected.Error(), "an old reply must not cost the exchange either")
				return
			}
			require.False(t, seen[stamps{i, s.T2, s.T3}], "seed %d: a reply counted twice", seed)
			seen[stamps{i, s.T2, s.T3}] = true
		}})
		holds(t, r)
		for _, fault := range []string{"loss", "duplicate", "replay", "reordering"} {
			require.Greater(t, r.Fired[fault], 1000, fault)
		}
	}
}

// TestRouteChanges: a longer or shorter way, in one direction, is no lie.
func TestRouteChanges(t *testing.T) {
	c := WAN(5, 4)
	for i := range c.Servers {
		p := &c.Servers[i].Path
		long := Direction{p.Forward.Min * 4, p.Forward.Jitter}
		p.Routes = []Route{{time.Hour, long, p.Back}, {3 * time.Hour, p.Forward, long}, {5 * time.Hour, p.Forward, p.Back}}
	}
	r := drive(t, New(c), Plan{Assumptions: assume(1)})
	holds(t, r)
	require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
	require.Greater(t, r.Fired["route change"], 800)
}

// TestRoundedClaims: servers at the very edge of their claim,
// which they truncate, or round up and the client knows it, and fuzz, on a path so
// short that nothing else hides it.
func TestRoundedClaims(t *testing.T) {
	alone(t)
	for _, edge := range []int{-1, 1} {
		for seed := range uint64(16) {
			c := LAN(seed, 3)
			for i := range c.Servers {
				s := &c.Servers[i]
				s.Path.Forward, s.Path.Back = Direction{Min: 1}, Direction{Min: 1}
				s.RootDelay, s.RootDispersion = time.Duration(45_000+701*seed), time.Duration(30_500+997*seed)
				s.Edge, s.Rounding, s.Fuzz = edge, Truncate, true
				if seed%2 == 1 {
					s.Rounding, s.KnownToRoundUp = RoundUp, true
				}
			}
			c.Length = 20 * time.Minute
			r := drive(t, New(c), Plan{Assumptions: assume(1), Poll: time.Second})
			holds(t, r)
			require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
		}
	}
}
