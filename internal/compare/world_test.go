package compare

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// path is a relay in front of a server, and what passed through it.
type path struct {
	relay *fleet.Relay
	tap   *Tap
}

// The honest paths, minimum delay forward and back. None of the last three is symmetric.
var minima = [][2]time.Duration{
	{1000 * time.Microsecond, 1000 * time.Microsecond},
	{600 * time.Microsecond, 1400 * time.Microsecond},
	{1500 * time.Microsecond, 700 * time.Microsecond},
	{1000 * time.Microsecond, 2000 * time.Microsecond},
}

// tail is the mean of what comes on top of the minimum, exponentially, each way.
const tail = 300 * time.Microsecond

// The liar is near and 600 µs ahead: true time, it says, is from 500 µs to 700 µs off. That leans on
// the edge of what the honest servers leave together, −700 µs to 600 µs, and leaves out true time.
const (
	lie      = 600 * time.Microsecond
	liarsWay = 100 * time.Microsecond
	liarTail = 30 * time.Microsecond
)

// paths starts the servers and relays: four honest ones, and the first three of these with
// the liar.
func paths(t *testing.T) (honest, lying []*path) {
	t.Helper()
	for k, m := range minima {
		server := chronyd.Start(t, chronyd.Config{IP: netip.AddrFrom4([4]byte{127, 0, 9, byte(100 + k)})})
		honest = append(honest, relayed(t, k, server.Addr.String(), fleet.Path{Min: m[0], Jitter: tail}, fleet.Path{Min: m[1], Jitter: tail}))
	}
	liar, err := fleet.Start(fleet.Config{Addr: "127.0.9.104:0", Offset: lie, ReferenceID: [4]byte{'L', 'I', 'A', 'R'}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = liar.Close() })
	way := fleet.Path{Min: liarsWay, Jitter: liarTail}
	return honest, append(honest[:3:3], relayed(t, len(minima), liar.Addr(), way, way))
}

func relayed(t *testing.T, number int, server string, forward, back fleet.Path) *path {
	t.Helper()
	p := &path{tap: &Tap{}}
	var err error
	p.relay, err = fleet.StartRelay(fleet.RelayConfig{
		Listen: fmt.Sprintf("127.0.9.%d:0", 1+number), Upstream: server, Seed: uint64(1 + number), Forward: forward, Back: back, Passed: p.tap.Passed,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.relay.Close() })
	return p
}

// live is a prober and the clock that it feeds.
type live struct {
	clock *truetime.Clock
	looks []Look
}

func startLive(t *testing.T, servers []ntpprobe.Server, a ntpprobe.Assumptions, local truetime.LocalClock) *live {
	t.Helper()
	prober, err := ntpprobe.New(ntpprobe.Config{
		Servers: servers, Local: local, Assumptions: a, Seed: 1,
		Poll: ntpprobe.PollPolicy{MinPoll: *pollFlag, MaxPoll: *pollFlag},
	})
	require.NoError(t, err)
	l := &live{clock: truetime.New(local, truetime.Options{})}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = prober.Run(ctx, l.clock.Update) })
	t.Cleanup(func() { stop(); running.Wait() })
	return l
}

// look asks the clock between two looks at the true time.
func (l *live) look() {
	before := time.Now().UnixNano()
	now, err := l.clock.Now()
	l.looks = append(l.looks, lookAt(now, err, before, time.Now().UnixNano()))
}

// strayed returns by how many ppm the wall clock's rate strayed at least from any fixed rate
// against the local clock, from one instant to another: the live estimators assume that it
// did not stray further than they are told.
func strayed(instants []ntpprobe.Instant) float64 {
	least, most := math.Inf(-1), math.Inf(1) // what some stretch had at least and at most
	for i, a := range instants {
		for _, b := range instants[i+1:] {
			wall, d := float64(b.Wall.Sub(a.Wall)), float64(b.Before.Nanos-a.Before.Nanos)
			slack := float64(a.After.Nanos - a.Before.Nanos + b.After.Nanos - b.Before.Nanos)
			least, most = max(least, (wall-slack)/d-1), min(most, (wall+slack)/d-1)
		}
	}
	return max(0, (least-most)/2*1e6)
}
