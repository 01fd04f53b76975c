// Command postgres is a bank in two PostgreSQL databases whose transactions commit in the order of real time.
//
//	go run . [-for 3s] [-clients 16] [-accounts 100] [-eps 2ms] [-dir DIR DSN DSN]
//
// Each database is a shard, with a clock that is wrong by all that it admits to: one fast, one slow. Clients transfer money within and across the
// shards, while others add all accounts up at snapshots of both. It ends with 1 if a total was ever wrong, or a snapshot that
// was read again gave another answer.
//
// Without DSNs it starts a PostgreSQL of its own, in a temporary directory. With them, -dir is where the bounds of the shards' timestamps
// are kept from one run to the next.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("postgres", flag.ContinueOnError)
	flags.SetOutput(out)
	lasts := flags.Duration("for", 3*time.Second, "how long to run")
	clients := flags.Int("clients", 16, "how many clients transfer money at once")
	accounts := flags.Int64("accounts", 100, "how many accounts there are")
	ε := flags.Duration("eps", 2*time.Millisecond, "what each clock claims, and is wrong by")
	dir := flags.String("dir", "", "where the bounds of the timestamps are kept")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dsns := flags.Args()
	switch {
	case *lasts <= 0 || *clients < 1 || *accounts < 2:
		return errors.New("-for must be positive, and there must be a client and two accounts at least")
	case *ε < 0 || *ε > 250*time.Millisecond:
		return errors.New("-eps must be 0 to 250ms: floors are refused from 1 s on")
	case len(dsns) == 0 && *dir != "":
		return errors.New("-dir is for databases that are named: without DSNs nothing outlives the run")
	case len(dsns) == 0:
		var server *Server
		if server, err = NewServer(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Stop()) }()
		for _, name := range []string{"north", "south"} {
			if err := server.Create(ctx, name); err != nil {
				return err
			}
			dsns = append(dsns, server.DSN(name))
		}
		if *dir, err = os.MkdirTemp("", "bounds"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(*dir)) }()
	case len(dsns) != 2:
		return errors.New("there are two shards: give two DSNs, or none")
	case *dir == "":
		return errors.New("the bounds of these databases' timestamps must outlive this run: say where with -dir")
	}
	bank, err := openBank(ctx, dsns, *dir, *ε, int32(*clients)+8)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bank.Close()) }()
	l := load{bank: bank, clients: *clients}
	for account := range *accounts {
		l.accounts = append(l.accounts, account)
	}
	r, err := l.run(ctx, *lasts)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, r)
	return nil
}

// openBank opens two shards, with one clock fast by ε and one slow by it.
func openBank(ctx context.Context, dsns []string, dir string, ε time.Duration, conns int32) (_ *Bank, err error) {
	clocks, err := leaning(ε, ε, -ε)
	if err != nil {
		return nil, err
	}
	var shards []*Shard
	defer func() {
		if err != nil {
			for _, s := range shards {
				err = errors.Join(err, s.Close())
			}
		}
	}()
	for i, dsn := range dsns {
		bound := filepath.Join(dir, fmt.Sprintf("shard-%d", i))
		if err := os.MkdirAll(bound, 0o700); err != nil {
			return nil, err
		}
		s, err := OpenShard(ctx, Config{DSN: dsn, Dir: bound, Shard: i, Clock: clocks[i], Conns: conns})
		if err != nil {
			return nil, err
		}
		shards = append(shards, s)
	}
	return NewBank(ctx, shards...)
}
