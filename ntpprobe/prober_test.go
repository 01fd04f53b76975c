package ntpprobe

import (
	"context"
	"errors"
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
	p, clock := runOn(t, c, local)
	return clock, p
}

// runOn runs a prober for a clock that reads local, until the end of the test.
func runOn(t *testing.T, c Config, local truetime.LocalClock) (*Prober, *truetime.Clock) {
	t.Helper()
	p, err := New(c)
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = p.Run(ctx, clock.Update) })
	t.Cleanup(func() { cancel(); run.Wait() })
	return p, clock
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

// TestProber_TellsOfEachExchange: of refused ones too, and before the bound that follows.
func TestProber_TellsOfEachExchange(t *testing.T) {
	good, bad := newSwitchable(t), newSwitchable(t)
	code := "RATE"
	bad.kiss.Store(&code)
	var heard []Exchange // Run calls both functions from one goroutine
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := New(Config{
		Local: strictClock(t), Servers: []Server{{Address: good.address}, {Address: bad.address}}, Assumptions: Assumptions{Faulty: FaultyNone},
		Poll:       PollPolicy{MinPoll: 10 * time.Millisecond, MaxPoll: 20 * time.Millisecond, BurstInterval: 2 * time.Millisecond, Timeout: 200 * time.Millisecond},
		OnExchange: func(x Exchange) { heard = append(heard, x) },
	})
	require.NoError(t, err)
	accepted, refused := 0, 0
	_ = p.Run(ctx, func(truetime.Bound, error) error {
		require.NotEmpty(t, heard, "an exchange is told of before what follows from it")
		for _, x := range heard {
			var rejected *RejectedError
			switch {
			case x.Err == nil:
				require.NotZero(t, x.Sample.T4.Nanos)
				accepted++
			case errors.As(x.Err, &rejected):
				require.Equal(t, "RATE", rejected.Reason.KissCode())
				refused++
			}
		}
		if heard = heard[:0]; accepted > 2 && refused > 0 {
			cancel()
		}
		return nil
	})
	require.Positive(t, refused)
}
