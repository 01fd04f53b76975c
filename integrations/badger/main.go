// Command badger is a bank in an embedded Badger whose transactions commit in the order of real time.
//
//	go run . [-for 3s] [-accounts 100] [-clients 64] [-dir DIR] [-log] [SERVER...]
//
// It measures the time with the NTP servers that are named, or with three of its own on loopback, has clients transfer money at random
// while others add all accounts up at snapshots of every kind, and ends with 1 if a total was ever wrong, or a snapshot that
// was read again gave another answer. With -dir the bank stays, and goes on at the next start; with -log every
// acknowledged transfer and every total is a line. -accounts must be as many as the bank in -dir has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/trueclock/trueclock/integrations/badger/badgerstore"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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
	flags.IntVar(&b.accounts, "accounts", 100, "how many accounts there are, at least 2")
	flags.IntVar(&b.clients, "clients", 64, "how many clients transfer money at once")
	dir := flags.String("dir", "", "an existing directory for the bank; none: a temporary one")
	log := flags.Bool("log", false, "print every acknowledged transfer and every total")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if b.accounts < 2 {
		return errors.New("a bank has at least 2 accounts")
	}
	if *log {
		b.log = out
	}
	clock, now, err := measured(ctx, flags.Args())
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "the time is known to ±%v\n", now.Uncertainty().Round(time.Microsecond))
	if *dir == "" {
		if *dir, err = os.MkdirTemp("", "badger"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	}
	b.store, err = badgerstore.Open(ctx, *dir, clock, badgerstore.Options{Window: window})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.Close()) }()
	report, err := b.run(ctx, *lasts)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	return nil
}

// window is how long a start may wait after a crash.
const window = 250 * time.Millisecond

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
