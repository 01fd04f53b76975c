package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/serve"
	"github.com/trueclock/trueclock/ntpprobe"
)

// defaultListen is reachable from this machine alone: there is no authentication.
const defaultListen = "127.0.0.1:10123"

// serving holds the flags of serve alone.
type serving struct {
	listen    string
	listeners int
	hosts     nameList // other names of this one
	peers     nameList
}

func newServe(s streams) *cobra.Command {
	var p probing
	var g serving
	cmd := &cobra.Command{
		Use:   "serve HOST[:PORT]...",
		Short: "Keep asking the servers; serve metrics, JSON and a live page",
		Long: `serve asks the servers for as long as it runs and answers over HTTP, GET only:

  /                 a live page: interval, servers, budget, holdover forecast
  /metrics          for Prometheus
  /api/v1/interval  the object of now, with offset_ns and sources_total; 503 without
                    an interval
  /api/v1/sources   the object of probe
  /api/v1/events    both once a second, as server-sent events
  /api/v1/history   what was known: each second of an hour, each minute of a day
  /healthz          200 while the process lives
  /readyz           200 only with a valid interval, else 503

It listens on loopback alone unless --listen names another address; there is no
authentication. On loopback it answers only who calls it by a name or an address of
loopback, so that no foreign site can have a browser read it, or by a name of
--allow-host, which a reverse proxy may need. It prints the page's address and then
nothing.

Every 15s it asks each --peer (HOST, HOST:PORT or a URL; port 10123 if absent) that runs
serve for its interval; /metrics has how far the two clocks can be apart.

After --samples exchanges, 2s apart (100ms if all servers are loopback or link-local),
each server is asked every --interval: 64s if absent, and never more often than every
16s if it is a public one.

Exit codes: 0 SIGINT or SIGTERM ended it, 1 it cannot listen, 64 usage.`,
		Example: `  clockctl serve ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl serve --listen 127.0.0.1:10123 --interval 30s -o json ntp1.example.net ntp2.example.net ntp3.example.net
  clockctl serve --peer node1.example.net:10123,node2.example.net:10123 ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net`,
	}
	addProbingFlags(cmd, &p, "table", "json")
	cmd.Flags().Lookup("samples").Usage = "exchanges with each server before the pause is --interval, at most 16"
	cmd.Flags().Lookup("interval").Usage = "pause between two exchanges with one server (default 64s)"
	cmd.Flags().StringVar(&g.listen, "listen", defaultListen, "HOST:PORT to listen on; port 0: a free one")
	cmd.Flags().IntVar(&g.listeners, "listeners", 32, "how many may listen to events at once")
	cmd.Flags().Var(&g.hosts, "allow-host", "other names by which it may be called; elsewhere than on loopback all are allowed if none is named")
	cmd.Flags().Var(&g.peers, "peer", "other nodes that run serve, to compare the clocks with; at most 64")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		service, err := newService(cmd, s, &p, args, g.peers)
		if err == nil {
			err = runServe(cmd.Context(), s, &p, service, g)
		}
		if err != nil && p.output == "json" {
			return errors.Join(err, writeJSON(s.out, failureJSON{Schema: schema, Error: failure(err)}))
		}
		return err
	}
	return cmd
}

// servingJSON is what serve prints once it listens.
type servingJSON struct {
	Schema string `json:"schema"`
	URL    string `json:"url"`
}

// runServe listens, says where, and serves until ctx ends, which is no error.
func runServe(ctx context.Context, s streams, p *probing, service *service, g serving) error {
	if err := g.validate(); err != nil {
		return &usageError{err}
	}
	l, err := new(net.ListenConfig).Listen(ctx, g.network(), g.listen)
	if err != nil {
		return cannotListen(err)
	}
	url := "http://" + l.Addr().String() + "/"
	if address, ok := l.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
		fmt.Fprintf(s.err, "clockctl: serve: warning: %s can be reached from other machines, and there is no authentication\n", url)
	}
	if err := announce(s, p, url); err != nil {
		_ = l.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { service.run(ctx) })
	return serve.New(service.config(g)).Serve(ctx, l)
}

func (g serving) validate() error {
	if g.listeners < 1 || g.listeners > 10_000 {
		return fmt.Errorf("--listeners %d is not from 1 to 10000", g.listeners)
	}
	if host, _, err := net.SplitHostPort(g.listen); err != nil || host == "" {
		return fmt.Errorf("--listen %q is not HOST:PORT; to listen on every address write 0.0.0.0:PORT or [::]:PORT", g.listen)
	}
	for _, host := range g.hosts {
		if host == "" || strings.ContainsAny(host, "/* ") || serve.HostName(host) == "" {
			return fmt.Errorf("--allow-host %q is not a name, such as clock.example.net", host)
		}
	}
	return nil
}

func announce(s streams, p *probing, url string) error {
	if p.output == "json" {
		return writeJSON(s.out, servingJSON{schema, url})
	}
	_, err := fmt.Fprintln(s.out, url)
	return err
}

// network keeps 0.0.0.0 to IPv4: Go takes it for every address, those of IPv6 too.
func (g serving) network() string {
	if host, _, err := net.SplitHostPort(g.listen); err == nil && host == net.IPv4zero.String() {
		return "tcp4"
	}
	return "tcp"
}

// cannotListen says what to do next.
func cannotListen(err error) error {
	switch {
	case errors.As(err, new(*net.DNSError)), errors.As(err, new(*net.AddrError)): // no such name, no such port
		return &usageError{fmt.Errorf("--listen: %w", err)}
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; is another serve running? choose another port with --listen", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w; no interface of this machine has it: choose one of its own with --listen", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w; ports below 1024 may need a privilege: choose another with --listen", err)
	}
	return fmt.Errorf("%w; choose another address with --listen", err)
}

// poll turns the probing flags into how a prober asks.
func (p *probing) poll(o ntpprobe.MeasureOptions) ntpprobe.PollPolicy {
	policy := ntpprobe.PollPolicy{Timeout: o.Timeout, Burst: o.Samples, BurstInterval: ntpprobe.DefaultInterval(o.Servers)}
	if o.Interval != 0 {
		policy.MinPoll, policy.MaxPoll = o.Interval, max(o.Interval, 1024*time.Second)
		policy.BurstInterval = min(policy.BurstInterval, o.Interval)
	}
	return policy
}
