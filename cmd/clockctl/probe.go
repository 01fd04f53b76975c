package main

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
)

func newProbe(s streams) *cobra.Command {
	var p probing
	cmd := &cobra.Command{
		Use:   "probe HOST[:PORT]...",
		Short: "Ask time servers once and show the true time as an interval",
		Long: `probe asks each server a few times and combines what they say: an interval that
contains the true time if at most --max-faulty of the failure domains lie, the
state of each server, and how wrong the local clock is.

A server is HOST, HOST:PORT, [IPV6]:PORT or a bare IPv6 address; the port is 123
if absent. Each is a failure domain of its own, except that several names or
ports of one address are one domain (not on loopback).

State:  * agreed   x falseticker, disproved by the others
        ! rejected, replies came and none was usable   ? unreachable
Offset: reference − local; "slow" means that the local clock is behind.

Without arguments the servers of the configuration are asked.

With servers named or configured, --targets are measured against their interval and
have no vote: thousands can be compared, at most 256 at a time, shown as they answer and
summed up at the end. Without, the targets are the servers.

Exit codes: 0 there is an interval, 1 there is none, 64 usage, 130 and 143
interrupted (what is known is printed).`,
		Example: `  clockctl probe ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl probe -o wide -n 8 ntp1.example.net ntp2.example.net ntp3.example.net
  clockctl probe -o json ntp1.example.net
  clockctl probe --targets fleet.txt ntp1.example.net ntp2.example.net ntp3.example.net`,
	}
	addProbingFlags(cmd, &p, "table", "wide", "json", "ndjson", "csv")
	p.judges = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runProbe(cmd, s, &p, args) }
	return cmd
}

func runProbe(cmd *cobra.Command, s streams, p *probing, args []string) error {
	o, err := p.options(cmd, s, args)
	if err != nil {
		return failed(s, cmd, p, err)
	}
	if p.output == "ndjson" {
		o.OnExchange = func(x ntpprobe.Exchange) { _ = writeJSON(s.out, newExchangeJSON(x)) } // the result's write reports it
	}
	report, err := p.measure(cmd.Context(), s, "probe", o)
	if err != nil {
		return failed(s, cmd, p, err)
	}
	if err := p.print(cmd.Context(), s, o, report); err != nil {
		return err
	}
	return errors.Join(interruption(cmd.Context()), judge(report))
}

// failed prints the JSON object of a command that could not measure.
func failed(s streams, cmd *cobra.Command, p *probing, err error) error {
	if format := configuredJSON(cmd); format != "" && slices.Contains(p.outputs, format) {
		return errors.Join(err, writeJSON(s.out, failedJSON(cmd.Name(), format, errorCode(err), err)))
	}
	return err
}

// print shows the report and then the targets, which ndjson and the tables do as
// they are known.
func (p *probing) print(ctx context.Context, s streams, o ntpprobe.MeasureOptions, r ntpprobe.Report) error {
	ended := interruption(ctx)
	if p.judged == nil || r.Err != nil || ended != nil {
		return p.printReport(s, r, nil, ended)
	}
	streamed := p.output != "json" && p.output != "csv"
	if streamed {
		if err := p.printReport(s, r, nil, nil); err != nil {
			return err
		}
	}
	o.Servers = p.judged
	o.Interval = cmp.Or(o.Interval, ntpprobe.DefaultInterval(o.Servers))
	targets, sum, err := p.survey(ctx, s, o, r, !streamed)
	if sum == nil {
		return err // of stdout, so there is nothing more to print
	}
	ended = cmp.Or(err, interruption(ctx))
	switch p.output {
	case "json", "csv":
		return errors.Join(err, p.printReport(s, r, targets, ended))
	case "ndjson":
		return errors.Join(err, writeJSON(s.out, sum.object(ended)))
	}
	return errors.Join(err, sum.write(s.out))
}

// printReport prints what was measured before something ended it, if ended is not nil.
func (p *probing) printReport(s streams, r ntpprobe.Report, targets []ntpprobe.SourceStatus, ended error) error {
	switch p.output {
	case "json", "ndjson":
		o := reportJSON(r)
		o.Error = cmp.Or(failure(ended), o.Error)
		if p.output == "ndjson" {
			o.Type = "result"
		} else if p.judged != nil {
			o.Targets = ptr(sourcesJSON(targets))
		}
		return writeJSON(s.out, o)
	case "csv":
		return writeCSV(s.out, r.Sources, targets)
	}
	return writeTable(s.out, r, p.output == "wide", p.colored(s))
}

// colored decides whether cells are coloured; a symbol always says the same.
func (p *probing) colored(s streams) bool {
	switch p.color {
	case "always":
		return true
	case "never":
		return false
	}
	return s.outTTY && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
}
