// Command etcd has several nodes, whose clocks disagree, commit to one etcd in the order of real time.
//
//	go run . [-for 5s] [-seed N] [-epsilon 5ms] [-clients 24] [-break wait|fence|floor]
//
// It starts three members of etcd, each a process of its own with its data in a temporary directory, and three nodes whose clocks lean
// to either end of their intervals. Clients write and read while the member that leads is stopped, another is killed and
// restarted, shards change hands, and an owner is stopped with a write in its hand. It ends with 1, and
// says why, if the order of the timestamps was not that of real time, a read missed what was acknowledged before, a commit was torn, a snapshot
// changed, or an old owner could still write.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := role(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
}

// role is that of this process: the program starts itself as its members and nodes.
func role(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "member":
			return member(os.Stdin, os.Stdout)
		case "owner":
			return owner(ctx, os.Stdin, os.Stdout)
		}
	}
	return run(ctx, args, os.Stdout)
}

// settings are what a run is asked for.
type settings struct {
	lasts   time.Duration
	seed    uint64
	ε       time.Duration
	clients int
	broken  Broken
}

func parse(args []string, out io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("etcd", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.DurationVar(&s.lasts, "for", 5*time.Second, "how long clients write and read")
	flags.Uint64Var(&s.seed, "seed", 1, "what the clients do, and which member is killed")
	flags.DurationVar(&s.ε, "epsilon", 5*time.Millisecond, "half width of the nodes' intervals")
	flags.IntVar(&s.clients, "clients", 24, "how many clients there are")
	flags.Func("break", "leave out the commit `wait`, the fence or the floor", func(what string) error {
		switch what {
		case "wait":
			s.broken.Wait = true
		case "fence":
			s.broken.Fence = true
		case "floor":
			s.broken.Floor = true
		default:
			return errors.New("wait, fence or floor")
		}
		return nil
	})
	return s, flags.Parse(args)
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "etcd")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, err := startCluster(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	local, err := truetime.NewLocalClock()
	if err != nil {
		return err
	}
	w, err := newWorld(local)
	if err != nil {
		return err
	}
	var nodes []*node
	for i, lean := range []time.Duration{s.ε, -s.ε, s.ε / 3} {
		n, err := newNode(fmt.Sprintf("node %d (%+v)", i+1, lean), w, local, lean, s.ε, c.endpoints(), i)
		if err != nil {
			return err
		}
		defer n.client.Close()
		nodes = append(nodes, n)
	}
	fmt.Fprintf(out, "three members of etcd; three nodes whose clocks lean %v, %v and %v, all within ±%v; three shards, %d clients, seed %d\n",
		s.ε, -s.ε, s.ε/3, s.ε, s.clients, s.seed)
	if err := handovers(ctx, s, c, w, local, nodes, out); err != nil {
		return err
	}
	return underLoad(ctx, s, c, nodes, out)
}

// handovers are two stories about one shard's owners.
func handovers(ctx context.Context, s settings, c *cluster, w world, local truetime.LocalClock, nodes []*node, out io.Writer) error {
	wide, err := newNode("a node with a wide clock", w, local, wideε, wideε, c.endpoints(), 0)
	if err != nil {
		return err
	}
	defer wide.client.Close()
	report, err := handedOver(ctx, "handed-over", wide, nodes[1], s.broken)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, report)
	report, err = stoppedOwner(ctx, ownerConfig{Endpoints: c.endpoints(), World: w, Lean: s.ε, Eps: s.ε, Shard: "stopped", TTL: 2 * time.Second, Broken: s.broken}, nodes[1])
	if errors.Is(err, errors.ErrUnsupported) {
		report, err = "no process can be stopped here", nil
	}
	if err == nil {
		fmt.Fprintln(out, report)
	}
	return err
}

// underLoad has clients write and read while members fail.
func underLoad(ctx context.Context, s settings, c *cluster, nodes []*node, out io.Writer) error {
	l := &load{nodes: nodes, clients: s.clients, seed: s.seed, options: Options{TTL: 2 * time.Second, Broken: s.broken}, began: time.Now()}
	for i := range nodes {
		l.shards = append(l.shards, newShard(fmt.Sprint("shard-", i+1)))
	}
	ctx, cancel := context.WithTimeout(ctx, s.lasts+time.Minute) // then the run hangs, and says so
	defer cancel()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var failures error
	var around sync.WaitGroup
	around.Go(func() {
		failures = fail(ctx, s, c, nodes[0], func(what string) { fmt.Fprintf(out, "%6.2fs  %s\n", l.since().Seconds(), what) })
		stop()
	})
	around.Go(func() { l.swaps(running) })
	l.run(ctx, running)
	around.Wait()
	took := l.since()
	if failures != nil {
		return failures
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	records, err := l.check(ctx, nodes[1].client)
	if err != nil {
		return err
	}
	l.summary(out, took, records)
	return nil
}

// fail stops the member that leads, lets it go on, kills one that does not lead, and restarts it, over the time of the run.
func fail(ctx context.Context, s settings, c *cluster, n *node, say func(string)) error {
	timer := time.NewTimer(0)
	<-timer.C
	at := func(part float64, began time.Time) {
		timer.Reset(time.Until(began.Add(time.Duration(part * float64(s.lasts)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	began := time.Now()
	at(0.2, began)
	leader, err := c.leader(ctx, n.client)
	if err != nil {
		return err
	}
	if err := stop(c.members[leader]); err == nil {
		say(c.configs[leader].Name + ", which leads, is stopped")
		at(0.6, began)
		if err := proceed(c.members[leader]); err != nil {
			return err
		}
		say(c.configs[leader].Name + " goes on")
	}
	at(0.7, began)
	if leader, err = c.leader(ctx, n.client); err != nil {
		return err
	}
	others := len(c.members) - 1
	victim := (leader + 1 + rand.New(rand.NewPCG(s.seed, 1<<33)).IntN(others)) % len(c.members)
	c.members[victim].kill()
	say(c.configs[victim].Name + " is killed")
	at(0.85, began)
	if err := c.restart(victim); err != nil {
		return err
	}
	say(c.configs[victim].Name + " is back")
	at(1, began)
	return nil
}

// swaps has owners resign, one after the other.
func (l *load) swaps(running context.Context) {
	ticker := time.NewTicker(400 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-ticker.C:
		case <-running.Done():
			return
		}
		select {
		case l.shards[i%len(l.shards)].swap <- struct{}{}:
		default: // nobody owns it just now
		}
	}
}

func (l *load) summary(out io.Writer, took time.Duration, records map[string][]owned) {
	var latencies []time.Duration
	reads, open := 0, 0
	for _, o := range l.ops {
		switch {
		case !o.write:
			reads++
		case o.open:
			open++
		default:
			latencies = append(latencies, o.ret-o.call)
		}
	}
	slices.Sort(latencies)
	fmt.Fprintf(out, "%d commits (%.0f a second), p50 %v, p99 %v; %d snapshots, %d of them strong; %d commits of unknown end; %d operations refused\n",
		len(latencies), float64(len(latencies))/took.Seconds(), percentile(latencies, 0.5).Round(10*time.Microsecond), percentile(latencies, 0.99).Round(10*time.Microsecond),
		len(l.views), reads, open, l.refused)
	median := func(d []time.Duration) time.Duration {
		slices.Sort(d)
		return percentile(d, 0.5).Round(10 * time.Microsecond)
	}
	fmt.Fprintf(out, "of the wait that a commit needs, %v at the median, %v went by while it was replicated, and %v were added\n",
		median(l.stats.needed), median(l.stats.overlap), median(l.stats.added))
	for _, s := range l.shards {
		all := slices.DeleteFunc(records[s.name], func(r owned) bool { return r.aborted })
		owners := map[int64]bool{}
		for _, r := range all {
			owners[r.owner] = true
		}
		fmt.Fprintf(out, "%s had %d owners and %d commits, %d of them at a lower revision than the one before:\n", s.name, len(owners), len(all), inversions(all))
		for i := range min(3, len(all)) {
			r := all[i*(len(all)-1)/2]
			fmt.Fprintf(out, "    %v is revision %d, owner %d\n", r.TS, r.Revision, r.owner)
		}
	}
	fmt.Fprintln(out, "the order of timestamps was that of real time; every pair of keys was linearizable; no commit was torn, none was lost, and no snapshot changed")
}
