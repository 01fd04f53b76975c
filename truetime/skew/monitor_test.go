package skew

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// town is a fleet in virtual time: nodes a, b, c, …, each with what its wall clock is ahead by.
type town struct {
	mutex  sync.Mutex
	ahead  map[string]time.Duration
	cut    map[string]bool // these do not answer
	local  truetime.LocalClock
	events []string
}

func newTown(names string) *town {
	w := &town{ahead: map[string]time.Duration{}, cut: map[string]bool{}, local: truetimetest.NewVirtual(0)}
	for _, name := range strings.Split(names, "") {
		w.ahead[name] = 0
	}
	return w
}

func (w *town) set(change func()) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	change()
}

func (w *town) ask(_ context.Context, member string) (Node, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.cut[member] {
		return Node{}, errors.New("no route to " + member)
	}
	now := time.Now()
	return Node{
		Known: true, Read: now.Add(w.ahead[member]).UnixNano(),
		Earliest: now.Add(-time.Millisecond).UnixNano(), Latest: now.Add(time.Millisecond).UnixNano(),
	}, nil
}

func (w *town) monitor(t *testing.T, members, self string) *Monitor {
	m, err := NewMonitor(Config{
		Members: strings.Split(members, ""), Self: self, Local: w.local, Ask: w.ask,
		Look: func() (Node, error) { return w.ask(context.Background(), self) },
		OnChange: func(c Change) {
			w.events = append(w.events, fmt.Sprintf("%s: %s -> %s", c.Member, c.From, c.To))
		},
	})
	require.NoError(t, err)
	return m
}

// happened returns what changed since it was asked last, once the rounds of a time have been made.
func (w *town) happened(rounds int) []string {
	time.Sleep(time.Duration(rounds) * DefaultEvery) // virtual
	synctest.Wait()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	events := w.events
	w.events = nil
	return events
}

// run starts a monitor and returns how to end it.
func run(t *testing.T, m *Monitor) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx) }()
	return func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	}
}

// TestMonitor_OneClockGoesWrongAndIsSetRight: the timeline of verdicts, to the round.
func TestMonitor_OneClockGoesWrongAndIsSetRight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abcde")
		m := w.monitor(t, "abcde", "a")
		require.Equal(t, Unproven, m.Verdict("e"), "nobody was asked yet")
		defer run(t, m)()
		require.Len(t, w.happened(0), 5, "all are healthy after the first round")
		w.set(func() { w.ahead["e"] = 600 * time.Millisecond })
		require.Equal(t, []string{"e: healthy -> unknown"}, w.happened(1), "known to be out, and not for long enough")
		require.Equal(t, []string{"e: unknown -> evict"}, w.happened(2))
		require.Equal(t, Evict, m.Verdict("e"))
		w.set(func() { w.ahead["e"] = 0 })
		require.Empty(t, w.happened(DefaultReturnAfter-1))
		require.Equal(t, []string{"e: evict -> healthy"}, w.happened(1))
	})
}

// TestMonitor_WhoHearsNobodyKnowsNothing: neither of the others nor of itself, and it evicts nobody.
func TestMonitor_WhoHearsNobodyKnowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abcde")
		m := w.monitor(t, "abcde", "a")
		defer run(t, m)()
		w.happened(0)
		w.set(func() { w.cut = map[string]bool{"b": true, "c": true, "d": true, "e": true} })
		require.Equal(t, []string{
			"a: healthy -> unknown", "b: healthy -> unknown", "c: healthy -> unknown", "d: healthy -> unknown", "e: healthy -> unknown",
		}, w.happened(1))
		require.Empty(t, w.happened(100))
		report := m.Report()
		require.EqualError(t, report.Members[1].Err, "no route to b")
		require.NoError(t, report.Members[0].Err)
	})
}

// TestMonitor_AMinorityOfTheConfigured: two of five that hear only each other, and disagree with each other
// or with nobody, say nothing; three that hear each other do.
func TestMonitor_AMinorityOfTheConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		cut  string
		want Verdict
	}{
		"2 hear each other": {"bcd", Unproven},
		"3 hear each other": {"cd", Unproven}, // two right ones and the bad one
		"4 hear each other": {"d", Evict},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newTown("abcde")
			w.ahead["e"] = -600 * time.Millisecond
			for _, cut := range strings.Split(c.cut, "") {
				w.cut[cut] = true
			}
			m := w.monitor(t, "abcde", "a")
			defer run(t, m)()
			w.happened(20)
			require.Equal(t, c.want, m.Verdict("e"), name)
		})
	}
}

// TestMonitor_FlappingLinks: every second answer is lost, of all of them in turn. Nobody who is right is evicted; who is out still is.
func TestMonitor_FlappingLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abcde")
		w.ahead["c"] = time.Hour
		m := w.monitor(t, "abcde", "a")
		defer run(t, m)()
		for round := range 60 {
			w.set(func() { w.cut = map[string]bool{"abcde"[round%5 : round%5+1]: true} })
			w.happened(1)
			for _, name := range strings.Split("abde", "") {
				require.NotEqual(t, Evict, m.Verdict(name))
			}
		}
		require.Equal(t, Evict, m.Verdict("c"))
	})
}

// TestMonitor_HealthyIsAsOldAsTheLastRound: a monitor that was stopped, or hangs in a callback, does not go on to say healthy.
func TestMonitor_HealthyIsAsOldAsTheLastRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abc")
		w.ahead["c"] = time.Minute
		m := w.monitor(t, "abc", "a")
		stop := run(t, m)
		w.happened(5)
		stop()
		require.Equal(t, []Verdict{Healthy, Evict}, []Verdict{m.Verdict("a"), m.Verdict("c")})
		time.Sleep(2*DefaultEvery + 1)
		require.Equal(t, []Verdict{Unproven, Evict}, []Verdict{m.Verdict("a"), m.Verdict("c")})
		require.Equal(t, Unproven, m.Verdict("somebody"))
	})
}

// TestMonitor_AnAnswerThatCannotBe does not count, and the member is named with the reason.
func TestMonitor_AnAnswerThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abc")
		m, err := NewMonitor(Config{
			Members: []string{"a", "b", "c"}, Self: "a", Local: w.local,
			Look: func() (Node, error) { return Node{}, truetime.ErrUnsynchronized },
			Ask: func(ctx context.Context, member string) (Node, error) {
				n, err := w.ask(ctx, member)
				if member == "b" {
					n.Earliest = n.Latest + 1
				}
				n.Sent, n.Got = truetime.Reading{Nanos: -5}, truetime.Reading{Nanos: 7} // nobody else's readings count
				return n, err
			},
		})
		require.NoError(t, err)
		defer run(t, m)()
		w.happened(0)
		members := m.Report().Members
		require.ErrorIs(t, members[0].Err, truetime.ErrUnsynchronized)
		require.EqualError(t, members[1].Err, "skew: the interval is inverted")
		require.NoError(t, members[2].Err)
		require.NotZero(t, members[2].Node.Sent.Epoch)
		for _, member := range members {
			require.Equal(t, Unproven, member.Verdict)
		}
	})
}

// TestMonitor_EndsWithItsContext: a question that hangs ends by its time limit, and Run does not return before it.
func TestMonitor_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown("abc")
		hanging := 0
		m, err := NewMonitor(Config{
			Members: []string{"a", "b", "c"}, Self: "a", Local: w.local, Timeout: 300 * time.Millisecond,
			Look: func() (Node, error) { return w.ask(context.Background(), "a") },
			Ask: func(ctx context.Context, member string) (Node, error) {
				if member == "b" {
					return w.ask(ctx, member)
				}
				w.set(func() { hanging++ })
				<-ctx.Done()
				w.set(func() { hanging-- })
				return Node{}, ctx.Err()
			},
		})
		require.NoError(t, err)
		stop := run(t, m)
		time.Sleep(301 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, Healthy, m.Verdict("b"), "two of three are a majority")
		require.ErrorIs(t, m.Report().Members[2].Err, context.DeadlineExceeded)
		time.Sleep(DefaultEvery) // in the next question
		synctest.Wait()
		require.ErrorIs(t, m.Run(t.Context()), ErrRunning)
		stop()
		w.set(func() { require.Zero(t, hanging) })
		again, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, m.Run(again), context.Canceled, "it can be run again")
	})
}

func TestNewMonitor_RefusesWhatCannotWork(t *testing.T) {
	w := newTown("abc")
	good := Config{Members: []string{"a", "b"}, Self: "a", Local: w.local, Ask: w.ask, Look: func() (Node, error) { return Node{}, nil }}
	_, err := NewMonitor(good)
	require.NoError(t, err)
	for why, change := range map[string]func(*Config){
		"nobody":                func(c *Config) { c.Members = nil },
		"a thousand and one":    func(c *Config) { c.Members = make([]string, maxMembers+1) },
		"one counted twice":     func(c *Config) { c.Members = []string{"a", "b", "a"} },
		"not a member itself":   func(c *Config) { c.Self = "c" },
		"nothing to ask by":     func(c *Config) { c.Ask = nil },
		"nothing to say":        func(c *Config) { c.Look = nil },
		"no clock":              func(c *Config) { c.Local = nil },
		"a negative limit":      func(c *Config) { c.Limit = -1 },
		"a negative patience":   func(c *Config) { c.EvictAfter = -1 },
		"a negative pause":      func(c *Config) { c.Every = -1 },
		"a negative time limit": func(c *Config) { c.Timeout = -1 },
	} {
		c := good
		change(&c)
		var wrong *ConfigError
		_, err := NewMonitor(c)
		require.ErrorAs(t, err, &wrong, why)
	}
}

// TestLook_CoversTheReading: the interval contains the true time at which the wall clock was read, though time passes between all three.
func TestLook_CoversTheReading(t *testing.T) {
	local := truetimetest.NewManual(0)
	clock := truetime.New(local, truetime.Options{})
	_, err := Look(clock, nil)
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	reading, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(reading, at.UnixNano(), time.Millisecond, 0), nil))
	n, err := Look(clock, func() time.Time {
		local.Advance(time.Second) // the process is stopped before and after
		defer local.Advance(time.Second)
		return at.Add(time.Hour)
	})
	require.NoError(t, err)
	require.Equal(t, at.Add(time.Hour).UnixNano(), n.Read)
	require.LessOrEqual(t, n.Earliest, at.Add(-time.Millisecond).UnixNano())
	require.GreaterOrEqual(t, n.Latest, at.Add(2*time.Second+time.Millisecond).UnixNano())
	require.NoError(t, n.Validate())
}
