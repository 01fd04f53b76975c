package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// probing holds the flags that every subcommand which asks servers has.
type probing struct {
	samples   int
	interval  time.Duration
	timeout   time.Duration
	maxFaulty int
	maxDrift  ppb
	wander    ppb
	output    string
	json      bool
	quiet     bool
	color     string
	targets   string // a file

	judges  bool              // the subcommand can measure targets that have no vote
	judged  []ntpprobe.Server // these targets
	outputs []string          // what -o may be for this subcommand

	exchangeFlag string // the name of --timeout, if a subcommand has another one of this name
	without      bool   // the subcommand works without servers, too
}

// addProbingFlags defines the flags on cmd. outputs are the values of -o that it
// knows, "table" first.
func addProbingFlags(cmd *cobra.Command, p *probing, outputs ...string) {
	p.outputs, p.maxDrift, p.wander = outputs, truetime.DefaultDriftPPB, defaultWander
	p.exchangeFlag = cmp.Or(p.exchangeFlag, "timeout")
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&p.targets, "targets", "f", "", "file with one HOST[:PORT] a line (-: standard input): the servers, if there are no others")
	f.IntVarP(&p.samples, "samples", "n", 4, "exchanges with each server")
	f.DurationVarP(&p.interval, "interval", "i", 0, "pause between two exchanges with one server (default 2s; 100ms if all are loopback, link-local or private)")
	f.DurationVar(&p.timeout, p.exchangeFlag, time.Second, "limit of one exchange, name resolution included")
	f.IntVar(&p.maxFaulty, "max-faulty", -1, "f, the failure domains that may lie; never lowered (default (domains−1)/3, at least 1 from three on)")
	f.Var(&p.maxDrift, "max-drift", "fastest that the local clock may run wrong; a bare number is ppm")
	f.Var(&p.wander, "wander", "how far its rate may stray from one fixed rate; as much as --max-drift assumes nothing")
	f.StringVarP(&p.output, "output", "o", "table", strings.Join(outputs, ", "))
	f.BoolVar(&p.json, "json", false, "short for -o json")
	f.BoolVarP(&p.quiet, "quiet", "q", false, "no progress")
	f.StringVar(&p.color, "color", "auto", "auto, always or never")
	f.Lookup("interval").DefValue, f.Lookup("max-faulty").DefValue = "0s", "0" // the true ones are said in the text
}

// options turns flags and arguments into options for Measure, and refuses what
// cannot work before a packet leaves.
func (p *probing) options(cmd *cobra.Command, s streams, args []string) (ntpprobe.MeasureOptions, error) {
	var none ntpprobe.MeasureOptions
	refuse := func(format string, a ...any) (ntpprobe.MeasureOptions, error) {
		return none, &usageError{fmt.Errorf(format, a...)}
	}
	if err := p.format(cmd); err != nil {
		return none, err
	}
	switch {
	case len(args) == 0 && p.targets == "" && !p.without && len(configuredServers(cmd.Context())) == 0:
		return refuse("no server given; name at least one, four for safety against a liar: %s ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net", cmd.CommandPath())
	case p.samples < 1 || p.samples > 1000:
		return refuse("--samples %d is not from 1 to 1000", p.samples)
	case p.timeout <= 0:
		return refuse("--%s %v is not positive", p.exchangeFlag, p.timeout)
	case p.interval < 0 || p.interval == 0 && cmd.Flags().Changed("interval"):
		return refuse("--interval %v is not positive", p.interval)
	case p.maxFaulty < 0 && cmd.Flags().Changed("max-faulty"):
		return refuse("--max-faulty %d is negative", p.maxFaulty)
	case p.wander > p.maxDrift && cmd.Flags().Changed("wander"):
		return refuse("--wander %s is more than --max-drift %s", p.wander, p.maxDrift)
	}
	servers, err := p.servers(cmd.Context(), s, args)
	if err != nil {
		return none, err
	}
	local, err := truetime.NewLocalClock()
	if err != nil {
		return none, err
	}
	return ntpprobe.MeasureOptions{
		Servers:     servers,
		Local:       local,
		Assumptions: ntpprobe.Assumptions{Faulty: p.faulty(), DriftPPB: int64(p.maxDrift), WanderPPB: int64(min(p.wander, p.maxDrift))},
		Samples:     p.samples,
		Interval:    p.interval,
		Timeout:     p.timeout,
	}, nil
}

// format settles how the answer is printed.
func (p *probing) format(cmd *cobra.Command) error {
	contradiction := p.json && cmd.Flags().Changed("output") && p.output != "json"
	if p.json && !contradiction {
		p.output = "json"
	}
	switch {
	case contradiction:
		return &usageError{fmt.Errorf("--json and -o %s contradict each other", p.output)}
	case !slices.Contains(p.outputs, p.output):
		return &usageError{fmt.Errorf("unknown output %q; use %s", p.output, strings.Join(p.outputs, ", "))}
	case !slices.Contains([]string{"auto", "always", "never"}, p.color):
		return &usageError{fmt.Errorf("unknown color %q; use auto, always or never", p.color)}
	}
	return nil
}

// servers returns those of the command line, or the configured ones. The targets are measured
// against them if the subcommand does that. Without servers the targets take their
// place, and before the configured ones if the subcommand asks only servers.
func (p *probing) servers(ctx context.Context, s streams, args []string) ([]ntpprobe.Server, error) {
	servers := asConfigured(ctx, ntpprobe.Servers(args...))
	if len(args) == 0 && (p.targets == "" || p.judges) {
		servers = configuredServers(ctx)
	}
	if p.targets == "" {
		return servers, nil
	}
	targets, err := readTargets(ctx, s, p.targets)
	if err != nil {
		return nil, err
	}
	targets = asConfigured(ctx, targets)
	if len(servers) == 0 {
		return targets, nil
	}
	p.judged = targets
	return servers, nil
}

func (p *probing) faulty() int {
	switch p.maxFaulty {
	case -1:
		return 0 // the library's default
	case 0:
		return ntpprobe.FaultyNone
	}
	return p.maxFaulty
}

// measure asks the servers and shows progress. An interruption is no error
// here: the report says what is known, and the caller ends with interruption.
func (p *probing) measure(ctx context.Context, s streams, cmd string, o ntpprobe.MeasureOptions) (ntpprobe.Report, error) {
	progress := newProgress(s, p.quiet, cmd, "exchanges", len(o.Servers)*o.Samples)
	onExchange := o.OnExchange
	o.OnExchange = func(x ntpprobe.Exchange) {
		progress.step()
		if onExchange != nil {
			onExchange(x)
		}
	}
	report, err := ntpprobe.Measure(ctx, o)
	progress.erase()
	if interruption(ctx) != nil {
		err = nil
	}
	for _, text := range sharedDomains(report.Sources) {
		fmt.Fprintf(s.err, "clockctl: %s: warning: %s\n", cmd, text)
	}
	return report, err
}

// sharedDomains warns of servers that were named one by one and are one failure
// domain: several ports of a host, or several names of an address.
func sharedDomains(sources []ntpprobe.SourceStatus) []string {
	var warnings []string
	members := map[string][]string{}
	for _, source := range sources {
		members[source.Domain] = append(members[source.Domain], source.Server.Address)
	}
	for _, source := range sources {
		if names := members[source.Domain]; len(names) > 1 && source.Server.Domain == "" && names[0] == source.Server.Address {
			warnings = append(warnings, fmt.Sprintf("%s are one failure domain (%s) and count once", strings.Join(names, ", "), source.Domain))
		}
	}
	return warnings
}

// judge turns a report without an interval into the error to end with.
func judge(report ntpprobe.Report) error {
	if report.Err == nil {
		return nil
	}
	var noQuorum *truetime.NoQuorumError
	var disrupted *truetime.DisruptedError
	switch {
	case errors.As(report.Err, &noQuorum):
		return &badAnswer{code: "no_quorum", err: report.Err, text: "no quorum: " + noQuorum.Detail() + "; " + noQuorumHint(report, noQuorum)}
	case errors.As(report.Err, &disrupted):
		return &badAnswer{code: "disrupted", err: report.Err, text: "disrupted: " + disrupted.Cause + "; try again"}
	case errors.Is(report.Err, truetime.ErrStale):
		return &badAnswer{code: "stale", err: report.Err, text: report.Err.Error()}
	case errors.Is(report.Err, truetime.ErrUnsynchronized):
		return &badAnswer{code: "unsynchronized", err: report.Err, text: report.Err.Error()}
	}
	return &badAnswer{code: "internal", err: report.Err, text: report.Err.Error()}
}

// noQuorumHint says what to do next.
func noQuorumHint(report ntpprobe.Report, e *truetime.NoQuorumError) string {
	if e.Disproved() {
		return "more of them lie than --max-faulty allows: compare their offsets and name more servers of different operators"
	}
	for _, source := range report.Sources {
		if source.State == ntpprobe.Unreachable || source.State == ntpprobe.Rejected {
			return "see why the others gave none, or name more servers"
		}
	}
	return "name more servers of different operators"
}
