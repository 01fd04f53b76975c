package skewhttp

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/skew"
)

// TestMain lets the test program be a node of a fleet, if it is started as one.
func TestMain(m *testing.M) {
	if settings := os.Getenv("SKEW_TEST_NODE"); settings != "" {
		if err := beNode(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// nodeSettings are what a node is started with. Its standard input is what its clock is ahead by, a line for
// each change; it ends with that. It prints its address and then a line for each verdict that changes.
type nodeSettings struct {
	Self    string
	Servers []string          // of NTP
	Every   time.Duration     // between two rounds
	Ahead   time.Duration     // of the wall clock, at first
	Peers   map[string]string // host:port of every member, as this node reaches it
}

func beNode(text string) error {
	var s nodeSettings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	local, err := truetime.NewLocalClock()
	if err != nil {
		return err
	}
	clock := truetime.New(local, truetime.Options{})
	var servers []ntpprobe.Server
	for _, address := range s.Servers {
		servers = append(servers, ntpprobe.Server{Address: address})
	}
	prober, err := ntpprobe.New(ntpprobe.Config{Servers: servers, Local: local, Poll: ntpprobe.PollPolicy{MinPoll: time.Second, MaxPoll: time.Second}})
	if err != nil {
		return err
	}
	running.Go(func() { _ = prober.Run(ctx, clock.Update) })

	var ahead atomic.Int64
	ahead.Store(int64(s.Ahead))
	look := func() (skew.Node, error) {
		return skew.Look(clock, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: Handler(look), ReadHeaderTimeout: time.Second}
	defer server.Close()
	running.Go(func() { _ = server.Serve(listener) })

	input := bufio.NewScanner(os.Stdin)
	fmt.Println(listener.Addr())
	if !input.Scan() { // until all nodes listen
		return nil
	}
	var members []string
	for name := range s.Peers {
		members = append(members, name)
	}
	monitor, err := skew.NewMonitor(skew.Config{
		Members: members, Self: s.Self, Local: local, Look: look, Every: s.Every, Timeout: 5 * s.Every, ReturnAfter: 5,
		Ask: func(ctx context.Context, member string) (skew.Node, error) {
			return Ask(ctx, nil, "http://"+s.Peers[member])
		},
		OnChange: func(c skew.Change) { fmt.Println(c.Member, c.To) },
	})
	if err != nil {
		return err
	}
	running.Go(func() { _ = monitor.Run(ctx) })
	for input.Scan() {
		d, err := time.ParseDuration(input.Text())
		if err != nil {
			return err
		}
		ahead.Store(int64(d))
	}
	return nil
}
