package hlc

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestPeersBugs_Clocks: what went wrong in other systems' hybrid clocks, and what happens here. (Those of encodings
// are in peerbugs_test.go, those of waits in truetime/wait_test.go, those of Lamport clocks in package lamport.)
func TestPeersBugs_Clocks(t *testing.T) {
	for name, answer := range map[string]func(t *testing.T){
		"the logical part wrapped at 2^31 or 2^32, and time went back": func(t *testing.T) {
			for _, most := range []uint32{math.MaxInt32, math.MaxUint32} {
				s := &script{now: 10}
				c, err := New(Options{Physical: s.read, MaxLogical: most})
				require.NoError(t, err)
				ts, err := c.Update(Timestamp{20, most})
				require.NoError(t, err)
				require.Equal(t, Timestamp{21, 0}, ts)
				require.Equal(t, Timestamp{21, 1}, c.Now())
			}
		},
		"an old timestamp was refused, since its lead wrapped": func(t *testing.T) {
			s := &script{now: noon}
			c := newClock(t, s, time.Millisecond)
			for _, wall := range []int64{1, noon - 1, -1, math.MinInt64} {
				ts, err := c.Update(Timestamp{wall, 3})
				require.NoError(t, err)
				require.Equal(t, noon, ts.WallTime)
			}
		},
		"of equal wall times the lower logical part was followed": func(t *testing.T) {
			s := &script{now: 10}
			for _, m := range []Timestamp{{50, 9}, {50, 3}} {
				c := newClock(t, s, time.Second)
				require.NoError(t, c.Observe(Timestamp{50, 7}))
				ts, err := c.Update(m)
				require.NoError(t, err)
				require.Equal(t, Timestamp{50, max(7, m.Logical) + 1}, ts)
			}
		},
		"a receipt had the timestamp of its message, or a lower one": func(t *testing.T) {
			s := &script{now: 10}
			c := newClock(t, s, time.Second)
			ts, err := c.Update(Timestamp{30, 0})
			require.NoError(t, err)
			require.True(t, ts.After(Timestamp{30, 0}))
		},
		"a compare-and-swap was tried once, and its event was that of another": func(t *testing.T) {
			// Another is stamped while the clock is read. (While the swap is tried: TestClock_FastAndSlowWaysMeet.)
			var c *Clock
			var others []Timestamp
			deep := 0
			c, err := New(Options{Physical: func() int64 {
				if deep++; deep%4 > 0 {
					others = append(others, c.Now())
				}
				return 10
			}})
			require.NoError(t, err)
			for i := range 5 {
				others = append(others, c.Now())
				b, err := c.NowN(2)
				require.NoError(t, err)
				others = append(others, b.First, b.Last())
				ts, err := c.Update(Timestamp{10, uint32(3 * i)})
				require.NoError(t, err)
				others = append(others, ts)
			}
			require.Greater(t, len(others), 50)
			for i := range others[1:] {
				require.True(t, others[i+1].After(others[i]), "%v, %v", others[i], others[i+1])
			}
		},
		"what was learned from a message was overwritten by the next local event": func(t *testing.T) {
			s := &script{now: 10}
			c := newClock(t, s, time.Second)
			require.NoError(t, c.Observe(Timestamp{90, 0}))
			s.now = 20
			require.Equal(t, Timestamp{90, 1}, c.Now())
		},
		"the message was changed by its receiver": func(t *testing.T) {
			s := &script{now: 10}
			m := Timestamp{30, 4}
			_, err := newClock(t, s, time.Second).Update(m)
			require.NoError(t, err)
			require.Equal(t, Timestamp{30, 4}, m)
		},
		"one node was eight hours fast and moved the cluster": func(t *testing.T) {
			s := &script{now: noon}
			c := newClock(t, s, 0)
			before := c.Now()
			_, err := c.UpdateFrom("fast", Timestamp{WallTime: noon + int64(8*time.Hour)})
			require.ErrorAs(t, err, new(*TooFarAheadError))
			require.Equal(t, before, c.Peek(), "refused before anything changed")
			require.Equal(t, 8*time.Hour, c.Stats().Peers[0].MaxLead, "and it is known who")
		},
		"one of two calls that receive looked at the limit, and all used the other": func(t *testing.T) {
			s := &script{now: noon}
			c := newClock(t, s, time.Second)
			far := Timestamp{WallTime: noon + 1e9 + 1}
			_, err := c.Update(far)
			require.ErrorAs(t, err, new(*TooFarAheadError))
			_, err = c.UpdateFrom("peer", far)
			require.ErrorAs(t, err, new(*TooFarAheadError))
			require.ErrorAs(t, c.Observe(far), new(*TooFarAheadError))
			require.Zero(t, c.Peek())
			require.Equal(t, uint64(3), c.Stats().Refused.TooFarAhead)
			_, err = c.ForceUpdate(far)
			require.NoError(t, err, "who does not want the limit says so")
			require.Equal(t, uint64(1), c.Stats().Forced, "and it is counted")
		},
		"one message within the limit used the logical part up": func(t *testing.T) {
			s := &script{now: noon}
			c := newClock(t, s, time.Second)
			for _, logical := range []uint32{math.MaxUint32, DefaultMaxLogical + 1} {
				_, err := c.Update(Timestamp{noon + 5e8, logical})
				require.ErrorAs(t, err, new(*LogicalTooHighError))
			}
			require.Zero(t, c.Peek())
			ts, err := c.Update(Timestamp{noon + 5e8, DefaultMaxLogical})
			require.NoError(t, err)
			require.Equal(t, Timestamp{noon + 5e8 + 1, 0}, ts, "the highest that anybody sends costs a nanosecond")
		},
		"all had followed the fast node, and so none saw that it was fast": func(t *testing.T) {
			s := &script{now: noon}
			c := newClock(t, s, time.Second)
			for range 3 {
				_, err := c.UpdateFrom("fast", Timestamp{WallTime: s.now + 9e8})
				require.NoError(t, err)
				s.now += 1e6
			}
			last := c.Now().WallTime
			require.Greater(t, last, s.now+8e8, "this clock has followed")
			_, err := c.UpdateFrom("fast", Timestamp{WallTime: last})
			require.NoError(t, err)
			lead := c.Stats().Peers[0].Lead
			require.Equal(t, time.Duration(last-s.now), lead, "and compares with its physical clock, not with itself")
		},
		"its own wall clock was fast, and its timestamps stayed so when that was mended": func(t *testing.T) {
			m := &machine{wall: noon}
			c, err := New(Options{Wall: m.clock(t, WallOptions{})})
			require.NoError(t, err)
			m.pass(time.Second)
			m.step(8 * time.Hour)
			require.Equal(t, noon+1e9, c.Now().WallTime)
			m.pass(time.Second)
			m.step(-8 * time.Hour)
			require.Equal(t, noon+2e9, c.Now().WallTime)
		},
		"a unit flag was toggled: 1000 s ahead": func(t *testing.T) {
			m := &machine{wall: noon}
			c, err := New(Options{Wall: m.clock(t, WallOptions{})})
			require.NoError(t, err)
			m.pass(time.Second)
			m.step(1000 * time.Second)
			require.Equal(t, noon+1e9, c.Now().WallTime)
			require.Equal(t, uint64(1), c.Stats().Jumps.Refused)
		},
		"the drift was computed of two times that both had a monotonic part, and always 0": func(t *testing.T) {
			m := &machine{wall: noon}
			w := m.clock(t, WallOptions{Jumps: ReportJumps})
			m.pass(time.Second)
			m.step(time.Hour)
			w.Now()
			require.Equal(t, time.Hour, w.Stats().Last.Step)
		},
		"a leap second, or the jump that cures a machine which was paused, killed the node": func(t *testing.T) {
			m := &machine{wall: noon}
			c, err := New(Options{Wall: m.clock(t, WallOptions{})})
			require.NoError(t, err)
			m.step(-time.Second)
			first := c.Now()
			m.pass(time.Second)
			m.step(time.Hour)
			second := c.Now()
			require.True(t, second.After(first), "it goes on")
			_, err = c.Update(Timestamp{WallTime: m.wall})
			require.NoError(t, err, "and follows when another says the same")
			require.GreaterOrEqual(t, c.Now().WallTime, m.wall)
		},
		"the bound on the disk was late by 240 µs and killed the node": func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, wall := durabletest.New(), firstWall
				d, err := node(t, disk, &wall, DurableOptions{})
				require.NoError(t, err)
				wall += 100 * int64(window)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				_, err = d.Now(ctx)
				require.ErrorIs(t, err, context.Canceled, "who does not want to wait need not")
				_, err = d.Now(t.Context())
				require.NoError(t, err, "and nothing is broken by it")
				require.NoError(t, d.Close())
			})
		},
		"a clock that nobody had measured counted as healthy": func(t *testing.T) {
			c, err := New(Options{Physical: func() int64 { return 0 }, Latest: func() (int64, error) { return 0, errNoBound }})
			require.NoError(t, err)
			_, err = c.Update(Timestamp{WallTime: 1})
			require.ErrorAs(t, err, new(*NoLatestError))
		},
	} {
		t.Run(name, answer)
	}
}
