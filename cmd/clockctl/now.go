package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

func newNow(s streams) *cobra.Command {
	var p probing
	var wait bool
	cmd := &cobra.Command{
		Use:   "now HOST[:PORT]...",
		Short: "Print the true time as one line: EARLIEST LATEST ±ε",
		Long: `now asks the servers as probe does and prints the interval on one line. With
--wait it prints once LATEST has certainly passed: whatever a script does then happens
after that moment on every machine whose interval is true (a commit wait).

Exit codes: 0 there is an interval, 1 there is none, 64 usage, 130 and 143
interrupted.`,
		Example: `  clockctl now ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl now --wait -o json ntp1.example.net ntp2.example.net ntp3.example.net`,
	}
	addProbingFlags(cmd, &p, "table", "json")
	cmd.Flags().BoolVar(&wait, "wait", false, "return once LATEST has certainly passed")
	onlyOnCommandLine(cmd, "wait")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runNow(cmd, s, &p, wait, args) }
	return cmd
}

func runNow(cmd *cobra.Command, s streams, p *probing, wait bool, args []string) error {
	o, err := p.options(cmd, s, args)
	if err == nil && p.judged != nil {
		err = &usageError{errors.New("name the servers as arguments or by --targets, not both; to measure targets against servers use clockctl probe")}
	}
	if err != nil {
		return failed(s, cmd, p, err)
	}
	report, err := p.measure(cmd.Context(), s, "now", o)
	if err != nil {
		return failed(s, cmd, p, err)
	}
	if wait && report.Err == nil {
		// An interruption leaves the interval true; only it has not passed.
		if err := waitUntilPassed(cmd.Context(), o.Local, report); interruption(cmd.Context()) == nil {
			report.Err = err
		}
	}
	ended := interruption(cmd.Context())
	if err := printNow(s, p, report, ended); err != nil {
		return err
	}
	return errors.Join(ended, judge(report))
}

// waitUntilPassed is the commit wait for the latest moment of the report.
func waitUntilPassed(ctx context.Context, local truetime.LocalClock, r ntpprobe.Report) error {
	clock := truetime.New(local, truetime.Options{})
	if err := clock.Update(r.Bound, nil); err != nil {
		return err
	}
	return clock.WaitUntilAfter(ctx, r.Interval.Latest())
}

func printNow(s streams, p *probing, r ntpprobe.Report, ended error) error {
	if p.output == "json" {
		o := nowJSON(r)
		o.Error = cmp.Or(failure(ended), o.Error)
		return writeJSON(s.out, o)
	}
	if r.Err != nil {
		return nil // stderr says why
	}
	_, err := fmt.Fprintf(s.out, "%s %s ±%v\n", jsonTime(r.Interval.Earliest()), jsonTime(r.Interval.Latest()), r.Interval.Uncertainty())
	return err
}

// nowJSON is the object of probe without the sources, and with the status.
func nowJSON(r ntpprobe.Report) resultJSON {
	o := reportJSON(r)
	o.Sources, o.Basis, o.Status = nil, nil, status(r).String()
	return o
}

// status is what a clock with this report would be.
func status(r ntpprobe.Report) truetime.State {
	var disrupted *truetime.DisruptedError
	switch {
	case r.Err == nil:
		return truetime.Synchronized
	case errors.As(r.Err, &disrupted):
		return truetime.Disrupted
	}
	return truetime.Unsynchronized
}
