// Command badger is a bank in an embedded Badger whose transactions commit in the order of real time.
//
//	go run . [-for 3s] [-accounts 100] [-clients 64] [SERVER...]
//
// It measures the time with the NTP servers that are named, or with three of its own on loopback, has clients transfer money at random
// while others add all accounts up at snapshots of every kind, and ends with 1 if a total was ever wrong, or a snapshot that
// was read again gave another answer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "badger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("badger", flag.ContinueOnError)
	b := bank{}
	lasts := flags.Duration("for", 3*time.Second, "how long to run")
	flags.IntVar(&b.accounts, "accounts", 100, "how many accounts there are")
	flags.IntVar(&b.clients, "clients", 64, "how many clients transfer money at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clock, now, err := measured(ctx, flags.Args())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the time is known to ±%v\n", now.Uncertainty().Round(time.Microsecond))
	dir, err := os.MkdirTemp("", "badger")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	node, err := open(ctx, dir, clock)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	b.store = node.Store
	report, err := b.run(ctx, *lasts)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	return nil
}

// measured asks the servers, or three of its own, and returns a clock that serves what they said.
func measured(ctx context.Context, addresses []string) (*truetime.Clock, truetime.Interval, error) {
	if len(addresses) == 0 {
		for range 3 {
			server, err := fleet.Start(fleet.Config{})
			if err != nil {
				return nil, truetime.Interval{}, err
			}
			defer server.Close()
			addresses = append(addresses, server.Addr())
		}
	}
	local, err := truetime.NewLocalClock()
	if err != nil {
		return nil, truetime.Interval{}, err
	}
	servers := make([]ntpprobe.Server, len(addresses))
	for i, address := range addresses {
		servers[i].Address = address
	}
	report, err := ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{Servers: servers, Local: local})
	if err != nil {
		return nil, truetime.Interval{}, err
	}
	clock := truetime.New(local, truetime.Options{})
	if err := clock.Update(report.Bound, nil); err != nil {
		return nil, truetime.Interval{}, err
	}
	now, err := clock.Now()
	return clock, now, err
}

// node is a store with a committer whose timestamps rise across restarts and crashes.
type node struct {
	*Store
	committer *commitwait.Committer
	bound     *hlc.Durable
}

const history = time.Minute

// open opens the store in dir, and the bound of its timestamps beside it.
func open(ctx context.Context, dir string, clock *truetime.Clock) (*node, error) {
	events, err := hlc.New(hlc.Options{})
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"/clock", "/data"} {
		if err := os.MkdirAll(dir+sub, 0o700); err != nil {
			return nil, err
		}
	}
	bound, err := hlc.OpenDurable(ctx, events, hlc.DurableOptions{Dir: dir + "/clock"})
	if err != nil {
		return nil, err
	}
	committer, err := commitwait.New(clock, events, commitwait.Options{Layout: layout(), Floor: bound.Recovery().Bound, Cover: bound.Cover})
	if err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	store, err := Open(dir+"/data", history, committer, true)
	if err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	return &node{Store: store, committer: committer, bound: bound}, nil
}

// Close ends the waits, the database and the bound, in this order.
func (n *node) Close() error {
	return errors.Join(n.committer.Close(), n.Store.Close(), n.bound.Close())
}
