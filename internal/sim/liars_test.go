package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// TestLiars_UpToF_WhateverTheyDo takes every strategy, every n up to 9
// and every f < n/2, and there is an answer all the time.
func TestLiars_UpToF_WhateverTheyDo(t *testing.T) {
	alone(t)
	for n := 3; n <= 9; n++ {
		for f := 1; f <= (n-1)/2; f++ {
			for k, strategy := range append([]string{"any"}, Strategies...) {
				t.Run(title(n, f)+" "+strategy, func(t *testing.T) {
					seed := uint64(100*n + 10*f + k)
					c := WAN(seed, n)
					c.Length = time.Hour
					c.Corrupt(rand.New(rand.NewPCG(seed, 1)), strategy, liars(seed, n, f)...)
					r := drive(t, New(c), Plan{Assumptions: assume(f), Poll: 32 * time.Second})
					holds(t, r)
					require.Less(t, r.NoQuorum+r.Disrupted, r.Reads/50, "f liars cannot take the answer away: %v", r)
				})
			}
		}
	}
}

// TestOverlapLiar_BreaksTheDeepestOverlap_NotUs is the control of
// the whole idea: on the same samples the rule that follows the largest agreement leaves
// true time out, and the fixed f does not.
func TestOverlapLiar_BreaksTheDeepestOverlap_NotUs(t *testing.T) {
	alone(t)
	misses, reads := 0, 0
	for seed := range uint64(8) {
		c := WAN(seed, 4)
		c.Corrupt(rand.New(rand.NewPCG(seed, 1)), "overlap", int(seed%4))
		w := New(c)
		l := newLedger(w)
		wrong := 0
		r := drive(t, w, Plan{Assumptions: assume(1), Every: 16 * time.Second, OnSample: l.take, OnRead: func(read Read) {
			if iv, ok := l.deepest(read.Reading, time.Hour, DrawnWanderPPB/1e9+60e-6); ok && !iv.Contains(time.Unix(0, read.Truth)) {
				wrong++
			}
		}})
		holds(t, r)
		misses, reads = misses+wrong, reads+r.Reads
	}
	t.Logf("deepest overlap: %d of %d reads wrong; fixed f: 0", misses, reads)
	require.Greater(t, misses, reads/100, "the control must show misses")
}

// TestOneLiarMoreThanAllowed is the limit: f + 1 that tell one false
// time can make the interval wrong; f + 1 that disagree can only take it away.
func TestOneLiarMoreThanAllowed(t *testing.T) {
	far := WAN(1, 4)
	far.Servers[1].Lie, far.Servers[3].Lie = Gross(time.Second), Gross(-2*time.Second)
	r := drive(t, New(far), Plan{Assumptions: assume(1)})
	holds(t, r)
	require.Equal(t, r.Reads, r.NoQuorum+r.Disrupted, "no quorum, not a wrong interval: %v", r)

	together := WAN(1, 3)
	together.Servers[1].Lie = Gross(time.Second)
	together.Servers[2].Lie = Gross(time.Second)
	r = drive(t, New(together), Plan{Assumptions: assume(1)})
	require.Greater(t, r.Violations, 0, "two of three who agree are believed; nobody can tell: %v", r)
}

// TestOneDomain_CountsOnce: three servers of one operator lie together, and are
// one liar among four domains.
func TestOneDomain_CountsOnce(t *testing.T) {
	c := WAN(2, 6)
	shared := Collude(2, time.Second)
	for i := range 3 {
		c.Servers[i].Domain, c.Servers[i].Lie = "operator.example", shared
	}
	r := drive(t, New(c), Plan{Assumptions: assume(1)})
	holds(t, r)
	require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
}

// TestCatalogue_LiarsOfFive follows chrony's 009-sourceselection with f = 2:
// synchronize, synchronize, refuse, refuse.
func TestCatalogue_LiarsOfFive(t *testing.T) {
	for many, serves := range []bool{true, true, true, false, false} {
		t.Run(fmt.Sprintf("%d liars", many), func(t *testing.T) {
			c := WAN(7, 5)
			for i := range many {
				c.Servers[i].Lie = Gross(time.Duration(1+i) * time.Second * time.Duration(1-2*(i%2)))
			}
			var refused error
			r := drive(t, New(c), Plan{Assumptions: assume(2), OnRead: func(read Read) { refused = read.Err }})
			holds(t, r)
			if serves {
				require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
				return
			}
			require.Equal(t, r.Reads, r.NoQuorum+r.Disrupted, "%v", r)
			require.True(t, errors.Is(refused, truetime.ErrNoQuorum), "%v", refused)
		})
	}
}

// TestCatalogue_AServerSteps: one of four is suddenly a second, or a hair, off
// and says nothing. It becomes a falseticker; nobody notices at the clock.
func TestCatalogue_AServerSteps(t *testing.T) {
	for _, by := range []time.Duration{time.Second, -time.Second, 5 * time.Millisecond, -5 * time.Millisecond, 50 * time.Hour} {
		c := WAN(8, 4)
		c.Servers[2].Steps = []Step{{At: time.Hour, By: by}, {At: 4 * time.Hour, By: -by}}
		r := drive(t, New(c), Plan{Assumptions: assume(1)})
		holds(t, r)
		require.Zero(t, r.NoQuorum+r.Disrupted, "step of %v: %v", by, r)
	}
}

// TestCatalogue_KissesAndRestarts: a server that answers without a time is
// missed, not believed, and with too few left the old bound holds over.
func TestCatalogue_KissesAndRestarts(t *testing.T) {
	c := WAN(9, 4)
	for i := range c.Servers {
		c.Servers[i].Kisses = []Kiss{{Span{time.Hour, 90 * time.Minute}, "RATE"}}
		c.Servers[i].Restarts = []Span{{3 * time.Hour, 3*time.Hour + 20*time.Minute}}
	}
	reasons := map[ntpprobe.Reason]int{}
	r := drive(t, New(c), Plan{Assumptions: assume(1), OnSample: func(_ int, _ time.Duration, _ ntpprobe.Sample, err error) {
		if rejected := new(ntpprobe.RejectedError); errors.As(err, &rejected) {
			reasons[rejected.Reason]++
		}
	}})
	holds(t, r)
	require.Zero(t, r.NoQuorum+r.Disrupted, "holdover for half an hour: %v", r)
	require.Greater(t, reasons["kiss_of_death:RATE"], 50)
	require.Greater(t, reasons[ntpprobe.ReasonUnsynchronized], 50)
	require.Equal(t, r.Rejected, reasons["kiss_of_death:RATE"]+reasons[ntpprobe.ReasonUnsynchronized]+reasons[ntpprobe.ReasonTimeout])
}

// TestCatalogue_ASmearedServerAmongOthers is seen as a falseticker while it is
// off by more than the honest ones leave: it counts as a liar.
func TestCatalogue_ASmearedServerAmongOthers(t *testing.T) {
	c := WAN(10, 4)
	c.Servers[0].Smear = &Smear{Leap: 12 * time.Hour} // the first half, up to the leap
	c.Length = 12 * time.Hour
	r := drive(t, New(c), Plan{Assumptions: assume(1), Every: 10 * time.Second})
	holds(t, r)
	require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
	require.Equal(t, -500*time.Millisecond, c.Servers[0].Smear.at(12*time.Hour))
}
