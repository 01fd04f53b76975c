package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/skew"
	"github.com/trueclock/trueclock/truetime/skew/skewhttp"
)

// member is a node of a fleet that watches its clocks: what it says over HTTP, and its monitor.
type member struct {
	name     string
	ahead    atomic.Int64 // of its wall clock
	cut      atomic.Bool  // off from all others
	url      string
	listener net.Listener
	server   *http.Server
	monitor  *skew.Monitor
}

const round = 20 * time.Millisecond

// evict: five nodes ask each other how far their clocks are apart. One clock goes wrong by 600 ms, one node is cut off. Only the first is
// evicted, and it returns when its clock was set right; of the other nothing is known, and it knows nothing itself.
func evict(ctx context.Context, s *stage) error {
	ctx, cancel := context.WithCancel(ctx)
	nodes, err := s.newMembers()
	if err != nil {
		cancel()
		return err
	}
	var running sync.WaitGroup
	defer func() {
		cancel()
		for _, n := range nodes {
			_ = n.server.Close()
		}
		running.Wait()
		skewhttp.DefaultClient.CloseIdleConnections()
	}()
	for _, n := range nodes {
		running.Go(func() { _ = n.server.Serve(n.listener) })
		running.Go(func() { _ = n.monitor.Run(ctx) })
	}
	t := newTable("WHAT HAPPENS", "NODE 1 SAYS OF 1-5", "NODE 4", "NODE 5")
	defer s.say("   * healthy   x to be evicted   ? unknown")
	defer t.print(s)
	for _, step := range []struct {
		what string
		do   func()
		say  [3]string // nodes 1, 4 and 5
	}{
		{"all clocks are right", func() {}, [3]string{"* * * * *", "* * * * *", "* * * * *"}},
		{"the clock of 5 goes 600 ms ahead", func() { nodes[4].ahead.Store(int64(600 * time.Millisecond)) }, [3]string{"* * * * x", "* * * * x", "* * * * x"}},
		{"4 is cut off", func() { nodes[3].cut.Store(true) }, [3]string{"* * * ? x", "? ? ? ? x", "* * * ? x"}},
		{"the clock of 5 is set right", func() { nodes[4].ahead.Store(0) }, [3]string{"* * * ? *", "? ? ? ? x", "* * * ? *"}},
		{"4 is back", func() { nodes[3].cut.Store(false) }, [3]string{"* * * * *", "* * * * *", "* * * * *"}},
	} {
		step.do()
		for i, n := range []*member{nodes[0], nodes[3], nodes[4]} {
			if err := n.says(ctx, nodes, step.say[i]); err != nil {
				return fmt.Errorf("%s: %w", step.what, err)
			}
		}
		t.row(step.what, step.say[0], step.say[1], step.say[2])
	}
	return nil
}

// newMembers makes five nodes that do not run yet.
func (s *stage) newMembers() ([]*member, error) {
	nodes := make([]*member, 5)
	var names []string
	for i := range nodes {
		nodes[i] = &member{name: fmt.Sprint(i + 1)}
		names = append(names, nodes[i].name)
	}
	ask := func(from *member) func(context.Context, string) (skew.Node, error) {
		return func(ctx context.Context, name string) (skew.Node, error) {
			to := nodes[name[0]-'1']
			if from.cut.Load() || to.cut.Load() {
				return skew.Node{}, errors.New("cut off")
			}
			return skewhttp.Ask(ctx, nil, to.url)
		}
	}
	for i, n := range nodes {
		clock, err := s.clock(time.Duration(i-2) * ε / 3) // each knows the time a little differently
		if err != nil {
			return nil, err
		}
		look := s.lookOf(n, clock)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, listener.Close)
		n.url, n.listener = "http://"+listener.Addr().String(), listener
		n.server = &http.Server{Handler: skewhttp.Handler(look), ReadHeaderTimeout: time.Second}
		n.monitor, err = skew.NewMonitor(skew.Config{
			Members: names, Self: n.name, Local: s.local, Look: look, Ask: ask(n), Every: round, Timeout: time.Second, ReturnAfter: 5,
		})
		if err != nil {
			return nil, err
		}
	}
	return nodes, nil
}

func (s *stage) lookOf(n *member, clock *truetime.Clock) func() (skew.Node, error) {
	return func() (skew.Node, error) {
		return skew.Look(clock, func() time.Time { return time.Unix(0, s.trueNow()).Add(time.Duration(n.ahead.Load())) })
	}
}

// says waits until a node's verdicts are these.
func (m *member) says(ctx context.Context, all []*member, want string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Second, errors.New("not within 10 s"))
	defer cancel()
	for {
		var said []string
		for _, n := range all {
			said = append(said, map[skew.Verdict]string{skew.Healthy: "*", skew.Evict: "x", skew.Unproven: "?"}[m.monitor.Verdict(n.name)])
		}
		got := strings.Join(said, " ")
		if got == want {
			return nil
		}
		if err := sleep(ctx, round/4); err != nil {
			return fmt.Errorf("node %s says %q and should say %q: %w", m.name, got, want, err)
		}
	}
}
