package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Exit codes of wait, beside 0. Its usage errors are waits that can never succeed, too.
const (
	exitTimedOut = 1
	exitNever    = 2
)

// waiting is what wait was asked for.
type waiting struct {
	probing
	maxUncertainty time.Duration // 0: of any size
	limit          time.Duration // of the whole wait; 0: one try
	verbose        bool
}

func newWait(s streams, line []string) *cobra.Command {
	w := &waiting{probing: probing{exchangeFlag: "exchange-timeout"}}
	cmd := &cobra.Command{
		Use:   "wait --max-uncertainty DUR HOST[:PORT]...",
		Short: "Wait until the true time is known well enough",
		Long: `wait asks the servers again and again until the interval's uncertainty is at most
--max-uncertainty, and prints the interval as now does: for what must not start
before. It begins with --samples exchanges, and then asks servers of others every
16 s at most; --timeout 0s tries once.

Here --timeout is the limit of the whole wait; --exchange-timeout is that of one
exchange.

Exit codes: 0 reached, 1 timed out (stderr says what was missing), 2 can never
succeed: wrong usage, too few servers for --max-faulty, or so many of them answer
that they do not want to be asked (DENY). 130 and 143 interrupted.`,
		Example: `  clockctl wait --max-uncertainty 50ms ntp1.example.net ntp2.example.net ntp3.example.net
  clockctl wait --max-uncertainty 50ms --timeout 5m -v ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl wait --timeout 0s -o json ntp1.example.net`,
	}
	f := cmd.Flags()
	f.DurationVar(&w.maxUncertainty, "max-uncertainty", 0, "half width that is good enough (default: any interval is)")
	f.DurationVar(&w.limit, "timeout", time.Minute, "limit of the whole wait; 0s tries once")
	f.BoolVarP(&w.verbose, "verbose", "v", false, "a line on stderr for each try")
	f.Lookup("max-uncertainty").DefValue = "0s"
	addProbingFlags(cmd, &w.probing, "table", "json")
	sharedAs(cmd, "timeout", "") // elsewhere it is that of one exchange
	sharedAs(cmd, "exchange-timeout", "timeout")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return waitCode(w.failed(s, wantsJSON(cmd, line), misuse(cmd, err)))
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return waitCode(w.run(cmd, s, args)) }
	return cmd
}

// waitCode gives a mistake in the command line its code.
func waitCode(err error) error {
	if exitCode(err) == exitUsage {
		return &codedError{exitNever, err}
	}
	return err
}

func (w *waiting) run(cmd *cobra.Command, s streams, args []string) error {
	o, err := w.options(cmd, s, args)
	if err == nil {
		err = w.check(cmd)
	}
	if err != nil {
		return w.failed(s, w.output == "json", err)
	}
	var report ntpprobe.Report
	var outcome error
	if w.limit == 0 {
		report, err = w.measure(cmd.Context(), s, "wait", o)
		outcome = w.missing(report)
	} else {
		report, outcome, err = w.poll(cmd.Context(), s, o)
	}
	if err != nil {
		return w.failed(s, w.output == "json", err)
	}
	if interrupted := interruption(cmd.Context()); interrupted != nil && outcome != nil {
		outcome = interrupted
	}
	return errors.Join(outcome, w.print(s, report, outcome))
}

// check refuses what options does not look at.
func (w *waiting) check(cmd *cobra.Command) error {
	switch {
	case w.judged != nil:
		return &usageError{errors.New("name the servers as arguments or by --targets, not both")}
	case w.limit < 0:
		return &usageError{fmt.Errorf("--timeout %v is negative; 0s tries once", w.limit)}
	case w.maxUncertainty < 0 || w.maxUncertainty == 0 && cmd.Flags().Changed("max-uncertainty"):
		return &usageError{fmt.Errorf("--max-uncertainty %v is not positive", w.maxUncertainty)}
	}
	return nil
}

// These end a wait early.
var (
	errReached = errors.New("reached")
	errLimit   = errors.New("the limit of the wait")
)

// waitPoll is how often servers are asked: as often as the flags say at first and then, if they
// are others' servers, every 16 s, which ntpprobe sees to. Losses make it no rarer than that: a
// machine that boots waits for its network.
func (w *waiting) waitPoll(o ntpprobe.MeasureOptions) ntpprobe.PollPolicy {
	pause := cmp.Or(o.Interval, ntpprobe.DefaultInterval(o.Servers))
	return ntpprobe.PollPolicy{
		MinPoll: pause, MaxPoll: max(pause, 2*time.Second), Timeout: o.Timeout,
		Burst: min(o.Samples, 16), BurstInterval: pause,
	}
}

// poll asks until the interval is good enough, and returns what is known then. outcome says why it
// is not; err that nothing could be asked.
func (w *waiting) poll(parent context.Context, s streams, o ntpprobe.MeasureOptions) (report ntpprobe.Report, outcome, err error) {
	estimator, err := ntpprobe.NewEstimator(o.Servers, o.Assumptions)
	if err != nil {
		return report, nil, err
	}
	report = at(o.Local, truetime.Bound{}, truetime.ErrUnsynchronized, estimator.Faulty())
	outcome = w.missing(report) // should it end before the first try does
	prober, err := ntpprobe.New(ntpprobe.Config{Servers: o.Servers, Local: o.Local, Assumptions: o.Assumptions, Poll: w.waitPoll(o)})
	if err != nil {
		return report, nil, err
	}
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, w.limit, errLimit)
	defer cancel()
	progress := newProgress(s, w.quiet || w.verbose, "wait", "", 0)
	tries := 0
	err = prober.Run(ctx, func(b truetime.Bound, reason error) error {
		tries++
		report = at(o.Local, b, reason, report.Faulty)
		if report.Err != nil {
			report.Sources = prober.Sources()
		}
		outcome = w.missing(report)
		if outcome == nil || exitCode(outcome) == exitNever {
			stop(errReached)
		}
		progress.say(w.try(report))
		if w.verbose {
			fmt.Fprintf(s.err, "clockctl: wait: try %d: %s\n", tries, w.try(report))
		}
		return nil
	})
	progress.erase()
	report.Sources, report.Leap = prober.Sources(), prober.Leap()
	for _, text := range sharedDomains(report.Sources) {
		fmt.Fprintf(s.err, "clockctl: wait: warning: %s\n", text)
	}
	switch {
	case errors.Is(err, errReached), interruption(parent) != nil:
		return report, outcome, nil
	case errors.Is(err, errLimit):
		return report, w.missing(report), nil
	}
	return report, nil, err
}
