package sim

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// live is a world in a bubble with the Prober itself and a serving clock.
type live struct {
	*Bubble
	clock  *truetime.Clock
	prober *ntpprobe.Prober
}

// inBubble runs a story on the Prober. The bubble ends only if every goroutine
// has.
func inBubble(t *testing.T, c Config, f int, poll ntpprobe.PollPolicy, story func(t *testing.T, l live)) {
	synctest.Test(t, func(t *testing.T) {
		b := New(c).InBubble()
		p, err := ntpprobe.New(ntpprobe.Config{Servers: b.Servers(), Local: b, Dialer: b, Assumptions: assume(f), Poll: poll, Seed: c.Seed + 1})
		require.NoError(t, err)
		clock := truetime.New(b, truetime.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var run sync.WaitGroup
		run.Go(func() { _ = p.Run(ctx, clock.Update) })
		story(t, live{b, clock, p})
		cancel()
		run.Wait()
		require.NoError(t, p.PublishError())
	})
}

// now reads the clock and compares it with the truth, three ways: the interval,
// After and Before. In a bubble no time passes in between.
func (l live) now(t *testing.T) (truetime.Interval, error) {
	t.Helper()
	iv, err := l.clock.Now() // sleeps out a pause first
	at := l.Bubble.Now()
	if err != nil {
		return iv, err
	}
	truth := time.Unix(0, l.Truth(at))
	require.True(t, iv.Contains(truth), "seed %d at %v: %v is outside [%v, %v]", l.config.Seed, at, truth, iv.Earliest(), iv.Latest())
	after, err := l.clock.After(truth)
	require.NoError(t, err)
	before, err := l.clock.Before(truth)
	require.NoError(t, err)
	require.False(t, after || before, "the present has neither passed nor is it still to come")
	return iv, nil
}

// TestProber_TheWholeWay: the product as it runs, with two liars of five, on a
// bad path, for hours. Its calendar is 26 years off, and nobody cares.
func TestProber_TheWholeWay(t *testing.T) {
	c := WAN(20, 5)
	c.Servers[1].Lie, c.Servers[3].Lie = Drag(20*time.Minute, 100), Jump(20, 10*time.Minute, 50*time.Millisecond)
	for i := range c.Servers {
		c.Servers[i].Path.Loss, c.Servers[i].Path.Duplicate, c.Servers[i].Path.Replay = 0.1, 0.2, 0.2
	}
	inBubble(t, c, 2, ntpprobe.PollPolicy{}, func(t *testing.T, l live) {
		time.Sleep(15 * time.Second)
		for range 3600 {
			iv, err := l.now(t)
			require.NoError(t, err)
			require.Less(t, iv.Uncertainty(), 150*time.Millisecond)
			for i, s := range l.prober.Sources() {
				require.False(t, s.State == ntpprobe.Falseticker && c.Servers[i].Lie == nil, "honest server %d blamed: %s", i, s.Detail)
			}
			time.Sleep(2 * time.Second)
		}
		require.Equal(t, ntpprobe.Falseticker, l.prober.Sources()[1].State, "dragged half a second away by now")
	})
}

// TestProber_Suspend: the first Now after it is an error, and a
// burst brings the clock back within seconds, not at the next poll.
func TestProber_Suspend(t *testing.T) {
	c := WAN(21, 4)
	asleep := Pause{At: time.Hour, For: 8 * time.Hour, Epoch: true}
	c.Length, c.Oscillator.Pauses = 12*time.Hour, []Pause{asleep}
	inBubble(t, c, 1, ntpprobe.PollPolicy{MinPoll: 1024 * time.Second}, func(t *testing.T, l live) {
		time.Sleep(asleep.At - time.Second)
		_, err := l.now(t)
		require.NoError(t, err)
		time.Sleep(time.Minute) // falls asleep meanwhile
		_, err = l.now(t)
		require.Equal(t, asleep.At+asleep.For, l.Now())
		var disrupted *truetime.DisruptedError
		require.ErrorAs(t, err, &disrupted)
		require.Equal(t, "the machine was suspended", disrupted.Cause)
		time.Sleep(5 * time.Second)
		_, err = l.now(t)
		require.NoError(t, err, "asked again at once")
	})
}

// TestProber_Etiquette: a server that answers gets four quick requests at the
// start, and from then on none within 16 s of another, however fast the user wants it.
func TestProber_Etiquette(t *testing.T) {
	inBubble(t, WAN(22, 4), 1, ntpprobe.PollPolicy{MinPoll: time.Second, MaxPoll: time.Second}, func(t *testing.T, l live) {
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		for i := range l.nodes {
			sent := l.Sent(i)
			require.Greater(t, len(sent), 600)
			for k := 4; k < len(sent); k++ {
				require.GreaterOrEqual(t, sent[k]-sent[k-1], 16*time.Second, "server %d, request %d", i, k)
			}
		}
	})
}

// TestProber_KissesBackOff: each RATE doubles the pause, for good, and ends the
// burst; DENY ends everything; losses double it until a reply comes.
func TestProber_KissesBackOff(t *testing.T) {
	c := WAN(23, 5)
	c.Servers[0].Kisses = []Kiss{{Span{0, time.Hour}, "RATE"}}
	c.Servers[1].Kisses = []Kiss{{Span{30 * time.Minute, 9 * time.Hour}, "DENY"}}
	c.Servers[2].Path.Loss = 1
	for i := range c.Servers[:2] {
		c.Servers[i].Path.Loss = 0
	}
	inBubble(t, c, 1, ntpprobe.PollPolicy{}, func(t *testing.T, l live) {
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		rated, denied, silent := l.Sent(0), l.Sent(1), l.Sent(2)
		for k, pause := range []time.Duration{128, 256, 512, 1024, 1024, 1024, 1024} {
			require.InEpsilon(t, pause*time.Second, rated[k+1]-rated[k], 0.06, "pause %d after RATE", k)
		}
		require.Less(t, denied[len(denied)-1], 31*time.Minute+10*time.Second, "never again")
		require.Less(t, len(silent), 30)
		require.InEpsilon(t, 1024*time.Second, silent[len(silent)-1]-silent[len(silent)-2], 0.06)
		_, err := l.now(t)
		require.NoError(t, err, "three of five are enough")
	})
}

// TestProber_SilentServers: holdover, then stale, never a narrower interval.
func TestProber_SilentServers(t *testing.T) {
	c := WAN(24, 4)
	for i := range c.Servers {
		c.Servers[i].Restarts = []Span{{time.Hour, 24 * time.Hour}}
	}
	inBubble(t, c, 1, ntpprobe.PollPolicy{}, func(t *testing.T, l live) {
		time.Sleep(time.Hour)
		before, err := l.now(t)
		require.NoError(t, err)
		for l.Now() < 110*time.Minute {
			time.Sleep(10 * time.Second)
			now, err := l.now(t)
			require.NoError(t, err)
			require.GreaterOrEqual(t, now.Uncertainty(), before.Uncertainty())
			before = now
		}
		time.Sleep(30 * time.Minute)
		_, err = l.now(t)
		require.ErrorIs(t, err, truetime.ErrStale)
	})
}

// TestProber_DrawnWorlds sends the Prober through the worlds of the soak.
func TestProber_DrawnWorlds(t *testing.T) {
	reads, served := 0, 0
	for seed := range uint64(20) {
		c, f := Drawn(7000+seed, "any")
		inBubble(t, c, f, ntpprobe.PollPolicy{MinPoll: 16 * time.Second}, func(t *testing.T, l live) {
			for l.Now() < c.Length-time.Minute {
				time.Sleep(7 * time.Second)
				reads++
				if _, err := l.now(t); err == nil {
					served++
				}
			}
		})
	}
	require.Greater(t, served, reads*9/10, "of %d", reads)
}
