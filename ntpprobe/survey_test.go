package ntpprobe

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// against is a bound of ±5 ms around this machine's wall clock.
func against(t testing.TB, local truetime.LocalClock) truetime.Bound {
	t.Helper()
	at, err := ReadInstant(local)
	require.NoError(t, err)
	return truetimetest.Around(at.Before, at.Wall.UnixNano(), 5*time.Millisecond, 200_000)
}

// TestSurvey_TargetsHaveNoVote: a majority of them is an hour ahead, and it is they who
// are called wrong.
func TestSurvey_TargetsHaveNoVote(t *testing.T) {
	honest := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	ahead := func() string {
		return scripted(t, func(request []byte) [][]byte {
			reply := honestReply(request)
			now := ntpTime(time.Now().Add(time.Hour).UnixNano())
			for i := range 8 {
				reply[32+i], reply[40+i] = byte(now>>(56-8*i)), byte(now>>(56-8*i))
			}
			return [][]byte{reply}
		})
	}
	mute := newSwitchable(t)
	mute.mute.Store(true)
	o := options(t, honest, ahead(), ahead(), ahead(), mute.address, honest)
	o.Concurrency = 2
	got := map[SourceState]int{}
	require.NoError(t, Survey(t.Context(), o, against(t, o.Local), func(s SourceStatus) {
		got[s.State]++
		if s.State == Falseticker {
			require.Regexp(t, `^1h0m0s outside the interval$|^59m59\.\d+s outside the interval$`, s.Detail)
			require.InDelta(t, float64(time.Hour), float64(s.Estimate.Offset), float64(time.Second))
		}
	}))
	require.Equal(t, map[SourceState]int{Agreed: 2, Falseticker: 3, Unreachable: 1}, got, "a target may be named twice")
}

// TestSurvey_AsksOnlySoManyAtOnce.
func TestSurvey_AsksOnlySoManyAtOnce(t *testing.T) {
	var open, most atomic.Int64
	o := options(t)
	o.Samples, o.Concurrency = 1, 3
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	for range 40 {
		o.Servers = append(o.Servers, Server{Address: address})
	}
	o.Local = &counting{LocalClock: o.Local, open: &open, most: &most}
	finished := 0
	require.NoError(t, Survey(t.Context(), o, against(t, o.Local), func(SourceStatus) { finished++ }))
	require.Equal(t, 40, finished)
	require.LessOrEqual(t, most.Load(), int64(3))
}

// counting counts who reads the clock at once: every exchange does.
type counting struct {
	truetime.LocalClock
	open, most *atomic.Int64
}

func (c *counting) Read() (truetime.Reading, error) {
	n := c.open.Add(1)
	defer c.open.Add(-1)
	for m := c.most.Load(); n > m && !c.most.CompareAndSwap(m, n); m = c.most.Load() {
	}
	return c.LocalClock.Read()
}

// TestSurvey_EndsEarly: with the context, and everything is joined (goleak).
func TestSurvey_EndsEarly(t *testing.T) {
	asked := make(chan struct{}, 100)
	mute := scripted(t, func([]byte) [][]byte { asked <- struct{}{}; return nil })
	o := options(t, mute, mute, mute)
	o.Timeout = time.Hour
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-asked; cancel(why) }()
	require.ErrorIs(t, Survey(ctx, o, against(t, o.Local), func(SourceStatus) { t.Error("nobody answered") }), why)
}

func TestSurvey_RefusesWhatCannotWork(t *testing.T) {
	o := options(t, "a:70000")
	each := func(SourceStatus) {}
	require.ErrorAs(t, Survey(t.Context(), o, truetime.Bound{}, each), new(*AddressError))
	o = options(t, "a")
	require.ErrorAs(t, Survey(t.Context(), o, truetime.Bound{}, nil), new(*ConfigError))
	o.Concurrency = -1
	require.ErrorAs(t, Survey(t.Context(), o, truetime.Bound{}, each), new(*ConfigError))
	o = options(t, scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} }))
	require.ErrorAs(t, Survey(t.Context(), o, truetime.Bound{}, each), new(*truetime.BoundError), "nothing to compare with")
}
