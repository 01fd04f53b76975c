package skew

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// storm is a fleet at random: who is at fault, what the faulty ones do, and who hears whom change all the time, but
// fewer than half are at fault at any moment.
type storm struct {
	random *rand.Rand
	nodes  []*stormNode
	lie    int64 // that liars agree on
	seen   map[string]int
}

type stormNode struct {
	name    string
	fault   string // "": none; "liar", "bad clock"
	ever    bool   // at fault at some time
	side    int    // of the partition
	off     int64  // of its wall clock
	local   *truetimetest.Manual
	monitor *Monitor
}

const stormBegins = 1_790_000_000_000_000_000 // unix ns

func newStorm(t *testing.T, random *rand.Rand) *storm {
	s := &storm{random: random, seen: map[string]int{}}
	var names []string
	for i := range 1 + random.IntN(7) {
		s.nodes = append(s.nodes, &stormNode{name: string(rune('a' + i)), local: truetimetest.NewManual(0)})
		names = append(names, s.nodes[i].name)
	}
	for _, n := range s.nodes {
		var err error
		n.monitor, err = NewMonitor(Config{
			Members: names, Self: n.name, Local: n.local, EvictAfter: 2, ReturnAfter: 3,
			Look: func() (Node, error) { return Node{}, nil }, Ask: func(context.Context, string) (Node, error) { return Node{}, nil }, // see play
		})
		require.NoError(t, err)
	}
	return s
}

// change draws who is at fault now, and how the network is split.
func (s *storm) change() {
	faulty := s.random.IntN((len(s.nodes)-1)/2 + 1)
	for place, i := range s.random.Perm(len(s.nodes)) {
		n := s.nodes[i]
		n.fault, n.off = "", s.between(-20*ms, 20*ms)
		if place < faulty {
			n.fault, n.ever = []string{"liar", "bad clock"}[s.random.IntN(2)], true
			if n.off = 600 * ms; s.random.IntN(2) == 0 {
				n.off = -n.off
			}
		}
		n.side = s.random.IntN(4) / 2 * s.random.IntN(2)
	}
	s.lie = s.between(-700*ms, 700*ms)
}

func (s *storm) between(low, high int64) int64 { return low + s.random.Int64N(high-low+1) }

// answer draws what one node says to another, or that it is not heard; later is how long that takes.
func (s *storm) answer(from, to *stormNode, calm bool) func() (Node, error) {
	later := time.Duration(s.between(0, 20*ms))
	lost := from != to && !calm && (from.side != to.side || s.random.IntN(6) == 0)
	jump, off, wide := !calm && s.random.IntN(100) == 0, to.off, s.between(0, 2*ms)
	lies := to.fault == "liar" && from != to
	hostile := []int64{math.MinInt64, -1, 0, math.MaxInt64, highest}[s.random.IntN(5)]
	kind, lie := s.random.IntN(3), s.lie
	if kind == 1 {
		lie = s.between(-700*ms, 700*ms) // its own story, and to each another one
	}
	return func() (Node, error) {
		at := stormBegins + from.local.Advance(later).Nanos
		if jump {
			from.local.Suspend("the machine slept")
		}
		switch {
		case lost:
			return Node{}, errors.New("lost")
		case lies && kind == 2:
			return Node{Known: true, Read: hostile, Earliest: math.MaxInt64, Latest: math.MinInt64}, nil
		case lies:
			return Node{Known: true, Read: at + lie, Earliest: at + lie - wide, Latest: at + lie + wide}, nil
		}
		return Node{Known: true, Read: at + off, Earliest: at - wide, Latest: at + 2*ms - wide}, nil
	}
}

// play makes one round of one node.
func (s *storm) play(n *stormNode, calm bool) {
	answers := map[string]func() (Node, error){}
	for _, to := range s.nodes {
		answers[to.name] = s.answer(n, to, calm)
	}
	n.monitor.config.Look = answers[n.name]
	n.monitor.config.Ask = func(_ context.Context, name string) (Node, error) { return answers[name]() }
	n.local.Fail(nil)
	if !calm && s.random.IntN(50) == 0 {
		n.local.Fail(errors.New("no clock"))
	}
	n.local.Advance(time.Second)
	n.monitor.round(context.Background())
}

// judge checks what a node holds after a round, and counts what it has seen.
func (s *storm) judge(t *testing.T, n *stormNode, before Report, seed uint64) {
	report := n.monitor.Report()
	heard, evicted := 0, 0
	for i, m := range report.Members {
		of := s.nodes[i]
		if m.Err == nil {
			heard++
		}
		if m.Verdict == Evict {
			evicted++
		}
		for j := range report.Pairs[i] {
			require.True(t, m.Err == nil || i == j || report.Pairs[i][j].State == Unknown, "seed %d: %s compared by what cannot be", seed, m.Name)
		}
		right := of.fault == ""
		require.False(t, right && m.Round == Evict, "seed %d: %s is right now, and %s would evict it", seed, m.Name, n.name)
		require.False(t, !of.ever && m.Verdict == Evict, "seed %d: %s was always right, and %s evicts it", seed, m.Name, n.name)
		require.False(t, of.fault == "bad clock" && m.Verdict == Healthy, "seed %d: %s is out, and healthy for %s", seed, m.Name, n.name)
		require.False(t, m.Err != nil && m.Verdict == Healthy, "seed %d: %s said nothing, and is healthy for %s", seed, m.Name, n.name)
		s.count("a liar is to be evicted", of.fault == "liar" && m.Verdict == Evict)
		s.count("a bad clock is to be evicted", of.fault == "bad clock" && m.Verdict == Evict)
		s.count("a node is evicted that was set right since", right && m.Verdict == Evict)
		s.count("one came back", before.Members[i].Verdict == Evict && m.Verdict == Healthy)
		s.count("one is held, as half would be evicted", m.Held)
		s.count("a liar said what cannot be", errors.As(m.Err, new(*NodeError)))
	}
	require.LessOrEqual(t, evicted, (len(s.nodes)-1)/2, "seed %d", seed)
	for _, m := range report.Members {
		require.False(t, m.Verdict == Healthy && 2*heard <= len(s.nodes), "seed %d: %d of %d were heard", seed, heard, len(s.nodes))
	}
	s.count("a minority side knows nothing", 2*heard <= len(s.nodes) && heard > 1)
	s.count("the local clock failed", n.monitor.began.Epoch == 0)
}

func (s *storm) count(what string, happened bool) {
	if happened {
		s.seen[what]++
	}
}

// TestMonitor_Storms: rounds at random. Whatever fewer than half of the nodes say, and whatever the network does, nobody who was right all
// the time is ever evicted, nobody whose clock is out or who was not heard is healthy, and half of the fleet is never evicted. And when all
// has healed, everybody is healthy for everybody after as many rounds as it takes to return.
func TestMonitor_Storms(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]int{}
	for range 150 {
		s := newStorm(t, random)
		s.seen = seen
		for round := range 40 {
			if round%8 == 0 {
				s.change()
			}
			for _, n := range s.nodes {
				before := n.monitor.Report()
				s.play(n, false)
				s.judge(t, n, before, seed)
			}
		}
		for _, n := range s.nodes {
			n.fault, n.off = "", s.between(-20*ms, 20*ms)
		}
		for range 3 { // ReturnAfter
			for _, n := range s.nodes {
				s.play(n, true)
			}
		}
		for _, n := range s.nodes {
			for _, of := range s.nodes {
				require.Equal(t, Healthy, n.monitor.Verdict(of.name), "seed %d: all has healed, says %s of %s", seed, n.name, of.name)
			}
		}
	}
	for _, what := range []string{
		"a liar is to be evicted", "a bad clock is to be evicted", "a node is evicted that was set right since", "one came back",
		"one is held, as half would be evicted", "a liar said what cannot be", "a minority side knows nothing", "the local clock failed",
	} {
		require.Positive(t, seen[what], "seed %d: never: %s", seed, what)
	}
	t.Log(seen)
}
