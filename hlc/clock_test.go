package hlc

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// script is a physical clock that a test sets.
type script struct{ now int64 }

func (s *script) read() int64 { return s.now }

func newClock(t rapid.TB, s *script, lead time.Duration) *Clock {
	c, err := New(Options{Physical: s.read, MaxLead: lead})
	require.NoError(t, err)
	return c
}

func TestClock_Stories(t *testing.T) {
	cases := []struct {
		why string
		run func(s *script, c *Clock) []Timestamp
		ts  []Timestamp
	}{
		{"physical time that advances is taken as it is", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a := c.Now()
			s.now = 20
			return []Timestamp{a, c.Now()}
		}, []Timestamp{{10, 0}, {20, 0}}},
		{"while it stands still the logical part counts", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			return []Timestamp{c.Now(), c.Now(), c.Now()}
		}, []Timestamp{{10, 0}, {10, 1}, {10, 2}}},
		{"when it goes back the old wall time stays, until it is passed", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a := c.Now()
			s.now = 3
			b := c.Now()
			s.now = 11
			return []Timestamp{a, b, c.Now()}
		}, []Timestamp{{10, 0}, {10, 1}, {11, 0}}},
		{"a message from ahead pulls the clock along", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a, _ := c.Update(Timestamp{50, 7})
			return []Timestamp{a, c.Now()}
		}, []Timestamp{{50, 8}, {50, 9}}},
		{"a message from behind does not", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a, _ := c.Update(Timestamp{5, 7})
			return []Timestamp{a}
		}, []Timestamp{{10, 0}}},
		{"of two logical parts at one wall time the higher counts", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a, b := c.Now(), c.Now()
			d, _ := c.Update(Timestamp{10, 5})
			e, _ := c.Update(Timestamp{10, 2})
			return []Timestamp{a, b, d, e}
		}, []Timestamp{{10, 0}, {10, 1}, {10, 6}, {10, 7}}},
		{"a full logical part carries into the wall time", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			a, _ := c.Update(Timestamp{20, DefaultMaxLogical})
			return []Timestamp{a, c.Now()}
		}, []Timestamp{{21, 0}, {21, 1}}},
		{"observing is no event, but the next one is above", func(s *script, c *Clock) []Timestamp {
			s.now = 10
			_ = c.Observe(Timestamp{50, 7})
			return []Timestamp{c.Peek(), c.Now()}
		}, []Timestamp{{50, 7}, {50, 8}}},
		{"a clock before 1970 counts from 1970 on", func(s *script, c *Clock) []Timestamp {
			s.now = math.MinInt64
			return []Timestamp{c.Now(), c.Now()}
		}, []Timestamp{{0, 1}, {0, 2}}},
		{"a clock at the end of time still counts", func(s *script, c *Clock) []Timestamp {
			s.now = math.MaxInt64
			return []Timestamp{c.Now(), c.Now()}
		}, []Timestamp{{lastWall, 0}, {lastWall, 1}}},
	}
	for _, c := range cases {
		s := &script{}
		require.Equal(t, c.ts, c.run(s, newClock(t, s, time.Second)), c.why)
	}
}

// TestClock_RefusedRemoteLeavesNoTrace is I5, at the limit to the nanosecond.
func TestClock_RefusedRemoteLeavesNoTrace(t *testing.T) {
	s := &script{now: 1_000}
	c := newClock(t, s, 100)
	_, err := c.Update(Timestamp{1_100, DefaultMaxLogical})
	require.NoError(t, err, "exactly the limits are believed")
	before := c.Peek()
	var high *LogicalTooHighError
	_, err = c.Update(Timestamp{1_050, DefaultMaxLogical + 1})
	require.ErrorAs(t, err, &high)
	require.Equal(t, LogicalTooHighError{Remote: Timestamp{1_050, DefaultMaxLogical + 1}, Limit: DefaultMaxLogical}, *high)
	require.ErrorAs(t, c.Observe(Timestamp{1_101, math.MaxUint32}), new(*TooFarAheadError))
	for _, remote := range []Timestamp{{1_101, 0}, {math.MaxInt64, 0}, {math.MaxInt64, math.MaxUint32}} {
		_, err := c.Update(remote)
		var far *TooFarAheadError
		require.ErrorAs(t, err, &far)
		require.Equal(t, TooFarAheadError{Remote: remote, Physical: 1_000, Latest: 1_000, Lead: time.Duration(remote.WallTime - 1_000), Limit: 100}, *far)
		require.ErrorAs(t, c.Observe(remote), &far)
		require.Equal(t, before, c.Peek())
	}
	_, err = c.Update(Timestamp{})
	require.ErrorIs(t, err, ErrUnset)
	require.ErrorIs(t, c.Observe(Timestamp{}), ErrUnset)
	require.Equal(t, before, c.Peek())
	require.NoError(t, c.Observe(Timestamp{math.MinInt64, 5}), "the distant past is harmless")
	require.Equal(t, before, c.Peek())
}

// TestClock_UnlimitedEndsBeforeTheRangeDoes: even without a limit no message can
// take the room that Now needs.
func TestClock_UnlimitedEndsBeforeTheRangeDoes(t *testing.T) {
	s := &script{now: 5}
	c := newClock(t, s, Unlimited)
	_, err := c.Update(Timestamp{math.MaxInt64, 0})
	require.ErrorIs(t, err, ErrExhausted)
	require.ErrorIs(t, c.Observe(Timestamp{lastWall + 1, 0}), ErrExhausted)
	require.Zero(t, c.Peek())
	ts, err := c.Update(Timestamp{lastWall, DefaultMaxLogical})
	require.NoError(t, err)
	require.Equal(t, Timestamp{lastWall + 1, 0}, ts)
	require.Equal(t, Timestamp{lastWall + 1, 1}, c.Now())
}

func TestNew_RefusesANegativeLimit(t *testing.T) {
	_, err := New(Options{MaxLead: -1})
	require.Error(t, err)
	c, err := New(Options{})
	require.NoError(t, err)
	before := time.Now()
	ts := c.Now()
	require.False(t, ts.Time().Before(before.Round(0)))
	require.Equal(t, int64(DefaultMaxLead), c.maxLead)
}

// paper is a direct transcription of figure 5 of Kulkarni et al. 2014: the naive
// oracle. l and c are kept apart and nothing overflows.
type paper struct {
	l int64
	c uint32
}

func (p *paper) send(pt int64) Timestamp {
	before := p.l
	p.l = max(before, pt)
	if p.l == before {
		p.c++
	} else {
		p.c = 0
	}
	return Timestamp{p.l, p.c}
}

func (p *paper) receive(pt int64, m Timestamp) Timestamp {
	before := p.l
	p.l = max(before, m.WallTime, pt)
	switch {
	case p.l == before && p.l == m.WallTime:
		p.c = max(p.c, m.Logical) + 1
	case p.l == before:
		p.c++
	case p.l == m.WallTime:
		p.c = m.Logical + 1
	default:
		p.c = 0
	}
	return Timestamp{p.l, p.c}
}

func TestClock_EqualsThePaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := &script{}, &paper{}
		c := newClock(t, s, Unlimited)
		for range rapid.IntRange(1, 50).Draw(t, "events") {
			s.now = rapid.Int64Range(1, 20).Draw(t, "pt")
			if rapid.Bool().Draw(t, "send") {
				require.Equal(t, p.send(s.now), c.Now())
				continue
			}
			m := Timestamp{rapid.Int64Range(1, 30).Draw(t, "wall"), rapid.Uint32Range(0, 5).Draw(t, "logical")}
			got, err := c.Update(m)
			require.NoError(t, err)
			require.Equal(t, p.receive(s.now, m), got)
			require.Equal(t, got, c.Peek())
		}
	})
}

// TestClock_CausesComeFirst lets nodes with clocks minutes apart exchange
// messages and checks every pair: e → f implies ts(e) < ts(f). Which events can
// have influenced which is tracked as sets.
func TestClock_CausesComeFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const nodes = 4
		type event struct {
			ts     Timestamp
			causes map[int]bool
		}
		var events []event
		var clocks [nodes]*Clock
		var physical [nodes]*script
		var known [nodes]map[int]bool
		for i := range clocks {
			physical[i] = &script{now: rapid.Int64Range(0, 1e12).Draw(t, "skew")}
			clocks[i], known[i] = newClock(t, physical[i], Unlimited), map[int]bool{}
		}
		happen := func(node int, ts Timestamp) {
			causes := map[int]bool{}
			for id := range known[node] {
				causes[id] = true
				require.True(t, events[id].ts.Before(ts), "%v is a cause of %v", events[id].ts, ts)
			}
			known[node][len(events)] = true
			events = append(events, event{ts, causes})
		}
		for range rapid.IntRange(2, 60).Draw(t, "steps") {
			node := rapid.IntRange(0, nodes-1).Draw(t, "node")
			physical[node].now += rapid.Int64Range(-5, 5).Draw(t, "pass")
			if len(events) == 0 || rapid.Bool().Draw(t, "local") {
				happen(node, clocks[node].Now())
				continue
			}
			id := rapid.IntRange(0, len(events)-1).Draw(t, "message")
			ts, err := clocks[node].Update(events[id].ts)
			require.NoError(t, err)
			known[node][id] = true
			for cause := range events[id].causes {
				known[node][cause] = true
			}
			happen(node, ts)
		}
	})
}

// TestClock_LastWriteWins is the textbook's case: the write that came second, and
// knew of the first, has the lower wall-clock stamp and is lost. The HLC keeps it.
func TestClock_LastWriteWins(t *testing.T) {
	node1, node3 := &script{now: 42_004e6}, &script{now: 42_003e6}
	a, b := newClock(t, node1, time.Second), newClock(t, node3, time.Second)
	first := a.Now() // x = 1, replicated to node 3
	require.Greater(t, node1.now, node3.now, "by wall clock the later write loses")
	second, err := b.Update(first) // x = x + 1
	require.NoError(t, err)
	require.True(t, second.After(first))
	require.Equal(t, Timestamp{42_004e6, 1}, second)
}

func TestClock_NoAllocations(t *testing.T) {
	s := &script{}
	c := newClock(t, s, Unlimited)
	remote := Timestamp{1, 1}
	for name, call := range map[string]func(){
		"Now, time advances":     func() { s.now++; c.Now() },
		"Now, time stands still": func() { c.Now() },
		"Update":                 func() { remote.WallTime++; _, _ = c.Update(remote) },
		"Observe":                func() { remote.Logical++; _ = c.Observe(remote) },
		"Peek":                   func() { c.Peek() },
	} {
		require.Zero(t, testing.AllocsPerRun(100, call), name)
	}
}

// FuzzUpdate: any remote, any physical time: no panic, always upward, and
// an error leaves the clock as it was.
func FuzzUpdate(f *testing.F) {
	f.Add(int64(0), int64(0), uint32(0), int64(1))
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), uint32(math.MaxUint32), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, pt, wall int64, logical uint32, later int64) {
		s := &script{now: pt}
		c := newClock(t, s, Unlimited)
		first := c.Now()
		remote := Timestamp{wall, logical}
		got, err := c.Update(remote)
		if err != nil {
			require.Equal(t, first, c.Peek())
			got = first
		} else {
			require.True(t, got.After(first) && got.After(remote))
		}
		s.now = later
		require.True(t, c.Now().After(got))
	})
}
