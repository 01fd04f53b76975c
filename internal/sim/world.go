package sim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Config is everything that a world is made of. Change what a reference world
// says, then call [New].
type Config struct {
	Name       string
	Seed       uint64
	Start      time.Time     // true time at moment 0; default 2026-09-21
	Length     time.Duration // how long the world is meant to last; default 6 h
	Oscillator Oscillator
	Servers    []Server
}

// World is a universe whose true time is known. It is made once; what happens in
// it follows from the seed and from when its servers are asked.
type World struct {
	config  Config
	start   int64 // unix nanoseconds at moment 0
	counter *counter
	epochs  []uint64
	nodes   []*node
}

// node is a server with its random numbers and its past. One exchange at a time
// uses it.
type node struct {
	Server
	random  *rand.Rand
	traffic traffic
	last    []byte // the reply before, for a replay
	onWire  func() // called while a request is on its way; nil for nobody
}

// counterStart is what the counter shows at moment 0.
const counterStart = int64(1_000_000_000_000)

// New makes the world.
func New(c Config) *World {
	if c.Start.IsZero() {
		c.Start = time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC)
	}
	if c.Length == 0 {
		c.Length = 6 * time.Hour
	}
	w := &World{config: c, start: c.Start.UnixNano()}
	w.counter = c.Oscillator.build(rand.New(rand.NewPCG(c.Seed, 1<<32)), c.Length)
	for range 1 + w.counter.epoch(1<<62) {
		w.epochs = append(w.epochs, truetime.NewEpoch())
	}
	for i, s := range c.Servers {
		w.nodes = append(w.nodes, &node{Server: s.withDefaults(i), random: rand.New(rand.NewPCG(c.Seed, uint64(i)))})
	}
	return w
}

// Truth is the true time at a moment, in unix nanoseconds.
func (w *World) Truth(at time.Duration) int64 { return w.start + int64(at) }

// Reading is what the local clock shows at a moment.
func (w *World) Reading(at time.Duration) truetime.Reading {
	return truetime.Reading{Nanos: counterStart + w.counter.at(at), Epoch: w.epochs[w.counter.epoch(at)]}
}

// DriftPPB and WanderPPB are what the local clock really needs: D and V with
// which A1 and A1w hold in this world, its silent pauses aside.
func (w *World) DriftPPB() int64  { return w.counter.drift(w.config.Length) }
func (w *World) WanderPPB() int64 { return w.counter.wander(w.config.Length) }

// Servers names the servers for ntpprobe.
func (w *World) Servers() []ntpprobe.Server {
	var servers []ntpprobe.Server
	for _, n := range w.nodes {
		servers = append(servers, n.probed())
	}
	return servers
}

// Sent returns when each request to server i left.
func (w *World) Sent(i int) []time.Duration { return slices.Clone(w.nodes[i].traffic.sent) }

// Fired counts how often each fault has happened so far.
func (w *World) Fired() map[string]int {
	fired := map[string]int{}
	for _, n := range w.nodes {
		n.traffic.count(fired)
		if n.Lie != nil {
			fired["lie "+n.Lie.Name] += n.traffic.lied
		}
	}
	return fired
}
