package ntpprobe

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/truetime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// switchable is a server that can be told to fall silent, to lie, or to kiss.
type switchable struct {
	address string
	asked   atomic.Int64
	mute    atomic.Bool
	kiss    atomic.Pointer[string]
}

func newSwitchable(t testing.TB) *switchable {
	s := &switchable{}
	s.address = scripted(t, func(request []byte) [][]byte {
		s.asked.Add(1)
		reply := honestReply(request)
		if code := s.kiss.Load(); code != nil {
			reply[1] = 0
			copy(reply[12:], *code)
		}
		if s.mute.Load() {
			return nil
		}
		return [][]byte{reply}
	})
	return s
}

// running starts a prober on a clock and stops it at the end of the test.
func running(t *testing.T, local truetime.LocalClock, servers ...*switchable) (*truetime.Clock, *Prober) {
	t.Helper()
	c := Config{Local: local, Poll: PollPolicy{MinPoll: 10 * time.Millisecond, MaxPoll: 20 * time.Millisecond, BurstInterval: 2 * time.Millisecond, Timeout: 200 * time.Millisecond}}
	for _, s := range servers {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, err := New(c)
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return clock, p
}

func four(t testing.TB) []*switchable {
	return []*switchable{newSwitchable(t), newSwitchable(t), newSwitchable(t), newSwitchable(t)}
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, time.Millisecond, what)
}

func TestProber_SynchronizesAClock(t *testing.T) {
	local := strictClock(t)
	clock, prober := running(t, local, four(t)...)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, clock.WaitSynchronized(ctx, 50*time.Millisecond))
	for range 100 {
		before := time.Now()
		iv, err := clock.Now()
		after := time.Now()
		require.NoError(t, err)
		require.False(t, iv.Latest().Before(before.Round(0)), "latest is behind")
		require.False(t, iv.Earliest().After(after.Round(0)), "earliest is ahead")
	}
	eventually(t, "all four agree", func() bool {
		for _, s := range prober.Sources() {
			if s.State != Agreed {
				return false
			}
		}
		return true
	})
	require.NoError(t, prober.PublishError())
	require.ErrorIs(t, prober.Run(ctx, clock.Update), ErrAlreadyRun)
}

// TestProber_ServersDie_Holdover_AndComeBack: the bound stays true and grows,
// the state says so, and a reply ends it.
func TestProber_ServersDie_Holdover_AndComeBack(t *testing.T) {
	servers := four(t)
	clock, prober := running(t, strictClock(t), servers...)
	eventually(t, "synchronized", func() bool { return clock.Status().State == truetime.Synchronized })
	for _, s := range servers[:2] {
		s.mute.Store(true)
	}
	eventually(t, "holdover", func() bool { return clock.Status().State == truetime.Holdover })
	status := clock.Status()
	require.ErrorIs(t, status.Reason, truetime.ErrNoQuorum)
	require.NoError(t, status.Err, "the old bound is still true")
	eventually(t, "the reason is shown, beside what it said before", func() bool {
		s := prober.Sources()[0]
		return s.State == Unreachable && s.Reason == ReasonTimeout && s.Estimate != nil
	})
	for _, s := range servers {
		s.mute.Store(false)
	}
	eventually(t, "synchronized again", func() bool { return clock.Status().State == truetime.Synchronized })
}

// TestProber_HonoursDeny: the server is never asked again, the others are.
func TestProber_HonoursDeny(t *testing.T) {
	servers := four(t)
	deny := "DENY"
	servers[3].kiss.Store(&deny)
	clock, prober := running(t, strictClock(t), servers...)
	eventually(t, "synchronized by the other three", func() bool { return clock.Status().State == truetime.Synchronized })
	eventually(t, "the others were asked often", func() bool { return servers[0].asked.Load() > 10 })
	require.Equal(t, int64(1), servers[3].asked.Load())
	s := prober.Sources()[3]
	require.Equal(t, Rejected, s.State)
	require.Equal(t, Reason("kiss_of_death:DENY"), s.Reason)
}

// TestProber_AllRefuseToServe: they answer, but nothing refreshes the bound any more.
// Nobody is asked again after DENY, so the last answer must say so.
func TestProber_AllRefuseToServe(t *testing.T) {
	for _, code := range []string{"DENY", "INIT"} {
		servers := four(t)
		clock, prober := running(t, strictClock(t), servers...)
		eventually(t, "synchronized", func() bool { return clock.Status().State == truetime.Synchronized })
		for _, s := range servers {
			s.kiss.Store(&code)
		}
		eventually(t, "holdover", func() bool { return clock.Status().State == truetime.Holdover })
		eventually(t, "shown", func() bool { return prober.Sources()[2].State == Rejected })
	}
}

// TestProber_HoldoverDoesNotFlap: the two that still answer give true bounds, each
// with the reason why it will not last.
func TestProber_HoldoverDoesNotFlap(t *testing.T) {
	servers := four(t)
	local := strictClock(t)
	clock := truetime.New(local, truetime.Options{})
	c := Config{Local: local, Poll: PollPolicy{MinPoll: 5 * time.Millisecond, MaxPoll: 5 * time.Millisecond, BurstInterval: 2 * time.Millisecond, Timeout: 20 * time.Millisecond}}
	for _, s := range servers {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, err := New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	since := 0
	_ = p.Run(ctx, func(b truetime.Bound, reason error) error {
		err := clock.Update(b, reason)
		switch state := clock.Status().State; {
		case state == truetime.Synchronized:
			servers[0].mute.Store(true)
			servers[1].mute.Store(true)
			require.Zero(t, since, "synchronized again in holdover")
		case state == truetime.Holdover:
			if since++; since == 30 {
				cancel()
			}
		}
		return err
	})
	require.Equal(t, 30, since)
}

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
	p, err := New(Config{Local: local, Servers: []Server{{Address: newSwitchable(t).address}}, Poll: PollPolicy{MinPoll: time.Millisecond, MaxPoll: time.Millisecond, BurstInterval: time.Millisecond}})
	require.NoError(t, err)
	clock := truetime.New(local.LocalClock, truetime.Options{}) // which never fails, so that it hears of it from the prober alone
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	defer run.Wait()
	defer cancel()
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

// TestProber_Suspend: a new epoch voids the bound at once, and the servers are
// asked again without waiting for the next poll.
func TestProber_Suspend(t *testing.T) {
	local := &sleeper{LocalClock: strictClock(t)}
	local.epoch.Store(truetime.NewEpoch())
	servers := four(t)
	c := Config{Local: local, Poll: PollPolicy{MinPoll: time.Hour, MaxPoll: time.Hour, Burst: 1, BurstEvery: time.Nanosecond}}
	for _, s := range servers {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, err := New(c)
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	defer run.Wait()
	defer cancel()
	eventually(t, "all have answered", func() bool {
		return !slices.ContainsFunc(p.Sources(), func(s SourceStatus) bool { return s.Samples == 0 })
	})
	local.epoch.Store(truetime.NewEpoch())
	_, err = clock.Now()
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
	c := Config{Local: local, Poll: PollPolicy{MinPoll: time.Hour, MaxPoll: time.Hour, Burst: 1, BurstEvery: time.Nanosecond}}
	for _, s := range four(t) {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, err := New(c)
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	defer run.Wait()
	defer cancel()
	eventually(t, "all have answered", func() bool {
		return !slices.ContainsFunc(p.Sources(), func(s SourceStatus) bool { return s.Samples == 0 })
	})
	local.epoch.Store(truetime.NewEpoch())
	sample, err := Query(t.Context(), c.Servers[0], local)
	require.NoError(t, err)
	p.exchanges <- Exchange{Server: c.Servers[0], Sample: sample} // sooner than Run looks for itself
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
	servers := four(t)
	c := Config{Local: local, Poll: PollPolicy{MinPoll: time.Hour, MaxPoll: time.Hour, Burst: 2, BurstInterval: time.Millisecond, BurstEvery: time.Nanosecond}}
	for _, s := range servers {
		c.Servers = append(c.Servers, Server{Address: s.address})
	}
	p, err := New(c)
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	defer run.Wait()
	defer cancel()
	all := func(n int) func() bool {
		return func() bool {
			for _, s := range p.Sources() {
				if s.Samples < n {
					return false
				}
			}
			return true
		}
	}
	eventually(t, "the first bursts are over", all(2))
	local.jump.Store(int64(time.Second))
	sample, err := Query(t.Context(), c.Servers[2], local)
	require.NoError(t, err)
	p.exchanges <- Exchange{Server: c.Servers[2], Sample: sample} // its next poll, an hour early
	eventually(t, "disproved, and synchronized again", func() bool { return p.Disproofs().Jump == 1 && clock.Status().State == truetime.Synchronized })
	before := time.Now()
	iv, err := clock.Now()
	require.NoError(t, err)
	require.False(t, iv.Latest().Before(before.Round(0)), "latest is behind")
	require.False(t, iv.Earliest().After(time.Now().Round(0)), "earliest is ahead")
}

// TestProber_TheClockRefuses: another local clock under the serving clock is a
// mistake of the program; it is shown, and polling goes on.
func TestProber_TheClockRefuses(t *testing.T) {
	server := newSwitchable(t)
	p, err := New(Config{Local: strictClock(t), Servers: []Server{{Address: server.address}}, Poll: PollPolicy{MinPoll: time.Millisecond, MaxPoll: time.Millisecond, BurstInterval: time.Millisecond}})
	require.NoError(t, err)
	clock := truetime.New(strictClock(t), truetime.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the end of the test")
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, clock.Update) }()
	eventually(t, "refused", func() bool { return errors.As(p.PublishError(), new(*truetime.BoundError)) })
	eventually(t, "still polling", func() bool { return server.asked.Load() > 6 })
	cancel(why)
	require.ErrorIs(t, <-done, why)
}

// TestProber_AConflictThatTheClockFinds makes the prober forget what it carries,
// so that the next bound is of a higher generation and accepted.
func TestProber_AConflictThatTheClockFinds(t *testing.T) {
	server := newSwitchable(t)
	p, err := New(Config{Local: strictClock(t), Servers: []Server{{Address: server.address}}, Poll: PollPolicy{MinPoll: time.Millisecond, MaxPoll: time.Millisecond, BurstInterval: time.Millisecond}})
	require.NoError(t, err)
	var generations []uint64
	ctx, cancel := context.WithCancel(t.Context())
	err = p.Run(ctx, func(b truetime.Bound, reason error) error {
		generations = append(generations, b.Generation)
		if len(generations) == 2 {
			return &truetime.DisruptedError{Cause: "the clock knows better"}
		}
		if len(generations) == 3 {
			cancel()
		}
		return reason
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, generations[0], generations[1])
	require.Greater(t, generations[2], generations[1])
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	local := strictClock(t)
	for why, c := range map[string]Config{
		"no servers":     {Local: local},
		"no local clock": {Servers: []Server{{Address: "a"}}},
		"a bad poll":     {Local: local, Servers: []Server{{Address: "a"}}, Poll: PollPolicy{MaxPoll: time.Second}},
	} {
		_, err := New(c)
		require.ErrorAs(t, err, new(*ConfigError), why)
	}
	p, err := New(Config{Local: local, Servers: []Server{{Address: "a"}}})
	require.NoError(t, err)
	require.ErrorAs(t, p.Run(t.Context(), nil), new(*ConfigError))
	require.Equal(t, Unreachable, p.Sources()[0].State, "known before anything was asked")
	require.NoError(t, p.PublishError())
}
