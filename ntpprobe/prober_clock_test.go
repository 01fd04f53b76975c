package ntpprobe

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// flaky is a local clock that cannot be read for a while.
type flaky struct {
	truetime.LocalClock
	broken atomic.Bool
}

func (f *flaky) Read() (truetime.Reading, error) {
	if f.broken.Load() {
		return truetime.Reading{}, errors.New("interrupted")
	}
	return f.LocalClock.Read()
}

// TestProber_TheLocalClockFailsForAWhile: the clock is disrupted, and the first bounds
// after it are taken.
func TestProber_TheLocalClockFailsForAWhile(t *testing.T) {
	local := &flaky{LocalClock: strictClock(t)}
	_, clock := runOn(t, Config{Local: local, Servers: []Server{{Address: newSwitchable(t).address}}, Poll: PollPolicy{MinPoll: time.Millisecond, MaxPoll: time.Millisecond, BurstInterval: time.Millisecond}},
		local.LocalClock) // which never fails, so that the clock hears of it from the prober alone
	eventually(t, "synchronized", func() bool { return clock.Status().State == truetime.Synchronized })
	local.broken.Store(true)
	eventually(t, "disrupted", func() bool { return clock.Status().State == truetime.Disrupted })
	local.broken.Store(false)
	eventually(t, "synchronized again", func() bool { return clock.Status().State == truetime.Synchronized })
}

// sleeper is the real local clock with epochs that the test begins.
type sleeper struct {
	truetime.LocalClock
	epoch atomic.Uint64
}

func (s *sleeper) Read() (truetime.Reading, error) {
	epoch := s.epoch.Load()
	r, err := s.LocalClock.Read()
	return truetime.Reading{Nanos: r.Nanos, Epoch: epoch}, err
}

func (s *sleeper) EpochCause() string { return "the lid was closed" }

// hourly polls four servers so rarely that a test sees no poll but the first burst and
// those that something else caused; it returns once the first burst is over.
func hourly(t *testing.T, local truetime.LocalClock) (*Prober, *truetime.Clock) {
	t.Helper()
	c := Config{Local: local, Poll: PollPolicy{MinPoll: time.Hour, MaxPoll: time.Hour, Burst: 2, BurstInterval: time.Millisecond, BurstEvery: time.Nanosecond}}
	for _, s := range four(t) {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, clock := runOn(t, c, local)
	eventually(t, "the first bursts are over", func() bool {
		return !slices.ContainsFunc(p.Sources(), func(s SourceStatus) bool { return s.Samples < 2 })
	})
	return p, clock
}

// pollNow makes the next poll of one server, an hour early and sooner than Run looks at
// the local clock by itself.
func pollNow(t *testing.T, p *Prober, number int) {
	t.Helper()
	server := p.sessions[number].server
	sample, err := Query(t.Context(), server, p.local)
	require.NoError(t, err)
	p.exchanges <- Exchange{Server: server, Sample: sample}
}

// TestProber_Suspend: a new epoch voids the bound at once, and the servers are
// asked again without waiting for the next poll.
func TestProber_Suspend(t *testing.T) {
	local := &sleeper{LocalClock: strictClock(t)}
	local.epoch.Store(truetime.NewEpoch())
	_, clock := hourly(t, local)
	local.epoch.Store(truetime.NewEpoch())
	_, err := clock.Now()
	var disrupted *truetime.DisruptedError
	require.ErrorAs(t, err, &disrupted)
	require.Equal(t, "the lid was closed", disrupted.Cause)
	eventually(t, "synchronized in the new epoch", func() bool { _, err := clock.Now(); return err == nil })
}

// TestProber_ASuspendThatASampleShows: the servers are asked again also if it is a sample
// of the new epoch that shows it, and not Run's own look.
func TestProber_ASuspendThatASampleShows(t *testing.T) {
	local := &sleeper{LocalClock: strictClock(t)}
	local.epoch.Store(truetime.NewEpoch())
	p, clock := hourly(t, local)
	local.epoch.Store(truetime.NewEpoch())
	pollNow(t, p, 0)
	eventually(t, "synchronized in the new epoch", func() bool { _, err := clock.Now(); return err == nil })
}

// jumper is the real local clock, which a test lets jump ahead without a new epoch. It
// stands for a pause, in which true time jumps against the local clock: going back is
// not possible here.
type jumper struct {
	truetime.LocalClock
	jump atomic.Int64
}

func (j *jumper) Read() (truetime.Reading, error) {
	r, err := j.LocalClock.Read()
	r.Nanos += j.jump.Load()
	return r, err
}

// TestProber_ASilentJumpIsFoundAtOnce: the next server to be asked contradicts
// itself, the others are asked without waiting for their polls, and the past is forgotten.
func TestProber_ASilentJumpIsFoundAtOnce(t *testing.T) {
	local := &jumper{LocalClock: strictClock(t)}
	p, clock := hourly(t, local)
	local.jump.Store(int64(time.Second))
	pollNow(t, p, 2)
	eventually(t, "disproved, and synchronized again", func() bool { return p.Disproofs().Jump == 1 && clock.Status().State == truetime.Synchronized })
	before := time.Now()
	iv, err := clock.Now()
	require.NoError(t, err)
	require.False(t, iv.Latest().Before(before.Round(0)), "latest is behind")
	require.False(t, iv.Earliest().After(time.Now().Round(0)), "earliest is ahead")
}
