// Command bank is a bank over several shards, each a process with a Badger and a clock of its own that is wrong: transfers by two-phase commit
// at one timestamp, totals at one timestamp over all shards, while the shards are paused and killed.
//
//	go run . [-shards 3] [-for 10s] [-clients 8] [-kills 3] [-pauses 3] [-delay 6ms] [-seed N] [-break RULE]
//
// It prints a summary, and ends with 1 and the evidence if anything was ever wrong, with 2 if it could not run or could not judge everything.
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
	"syscall"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/driver"
	"github.com/trueclock/trueclock/integrations/bank/shard"
)

func main() {
	var err error
	if len(os.Args) > 1 && os.Args[1] == driver.Argument {
		err = driver.RunShard(os.Stdin, os.Stdout, os.Exit)
	} else {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
		stop()
	}
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errWrong): // has been told
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "bank:", err)
		os.Exit(2)
	}
}

// What a summary ends with.
var (
	errWrong     = errors.New("the bank was wrong")                                   // a check has failed
	errNotJudged = errors.New("nothing wrong was found, but not all could be judged") // evidence is missing, or a check was not decided
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	if terminal(stderr) {
		o.Progress = func(line string) { fmt.Fprintln(stderr, line) }
	}
	record, faults, err := driver.Run(ctx, o)
	if err != nil {
		return fmt.Errorf("seed %d: %w", o.Seed, err)
	}
	report := check.Run(record)
	return summary(stdout, o, record, faults, report)
}

func parse(args []string, stderr io.Writer) (o driver.Options, err error) {
	flags := flag.NewFlagSet("bank", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.Shards, "shards", 3, "how many shards, each a process")
	flags.IntVar(&o.Clients, "clients", 8, "how many clients transfer money at once")
	flags.IntVar(&o.Kills, "kills", 3, "how often a shard is killed and started again")
	flags.IntVar(&o.Pauses, "pauses", 3, "how often a shard is stopped for up to 0.8 s")
	flags.DurationVar(&o.For, "for", 10*time.Second, "how long to run")
	flags.DurationVar(&o.Delay, "delay", 6*time.Millisecond, "how long a packet of time takes on the slow paths, which makes 2ε about that")
	flags.Uint64Var(&o.Seed, "seed", 0, "of all that is drawn at random; 0 draws one (what the machine does in between is not repeated)")
	broken := flags.String("break", "", fmt.Sprintf("break a rule, to see that a check finds it: one of %v", shard.Mutants()))
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.Break = shard.Break(*broken)
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.Shards < 1 || o.Shards > 9 || o.Clients < 1 || o.Clients > 100 || o.Kills < 0 || o.Pauses < 0 || o.For < time.Second || o.For > 10*time.Minute,
		o.Delay < time.Millisecond || o.Delay > 100*time.Millisecond:
		return o, errors.New("1 to 9 shards, 1 to 100 clients, 1s to 10m, a delay of 1ms to 100ms, and nothing negative")
	case o.Break != shard.Nothing && !slices.Contains(shard.Mutants(), o.Break):
		return o, fmt.Errorf("-break %s is none of %v", o.Break, shard.Mutants())
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()>>1 + 1
	}
	return o, nil
}

// terminal says if somebody is watching.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
