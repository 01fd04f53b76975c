package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// readTargets reads servers from a file, "-" for standard input: one a line, blank
// lines and what follows # left out.
func readTargets(s streams, name string) ([]ntpprobe.Server, error) {
	in, where := s.in, "standard input"
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--targets: %w", err)}
		}
		defer file.Close()
		in, where = file, name
	}
	var targets []ntpprobe.Server
	lines := bufio.NewScanner(in)
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		address := strings.TrimSpace(text)
		if address == "" {
			continue
		}
		target := ntpprobe.Server{Address: address}
		if _, err := target.Canonical(); err != nil {
			return nil, &usageError{fmt.Errorf("%s, line %d: %s", where, number, firstLine(err))}
		}
		targets = append(targets, target)
	}
	if err := lines.Err(); err != nil {
		return nil, &usageError{fmt.Errorf("reading %s: %w", where, err)}
	}
	if len(targets) == 0 {
		return nil, &usageError{fmt.Errorf("%s names no target; write one HOST[:PORT] a line", where)}
	}
	return targets, nil
}

// survey measures the targets against the report's interval and prints them as they
// are known, with progress on stderr.
func (p *probing) survey(ctx context.Context, s streams, o ntpprobe.MeasureOptions, r ntpprobe.Report) ([]ntpprobe.SourceStatus, error) {
	progress := newProgress(s, p.quiet, "probe", "targets", len(o.Servers))
	defer progress.erase()
	rows := &targetRows{w: s.out, format: p.output, paint: p.colored(s)}
	rows.heading(o.Servers)
	var all []ntpprobe.SourceStatus
	err := ntpprobe.Survey(ctx, o, r.Bound, func(status ntpprobe.SourceStatus) {
		progress.erase()
		rows.add(status)
		all = append(all, status)
		progress.step()
	})
	if interruption(ctx) != nil {
		err = nil
	}
	return all, errors.Join(err, rows.err)
}

// targetRows prints targets one by one: the columns cannot wait for the widest.
type targetRows struct {
	w      io.Writer
	format string
	paint  bool
	width  int
	err    error
}

func (t *targetRows) heading(targets []ntpprobe.Server) {
	for _, target := range targets {
		t.width = max(t.width, len(canonical(target)))
	}
	if t.format == "table" || t.format == "wide" {
		t.line(paint("S", "39", t.paint), "TARGET", "STRATUM", "OFFSET", "±ERROR", "RTT", "WHY")
	}
}

func (t *targetRows) add(s ntpprobe.SourceStatus) {
	switch t.format {
	case "table", "wide":
		cells := row(s)
		t.line(paint(look[s.State].symbol, look[s.State].color, t.paint), cells[0], cells[1], cells[2], cells[3], cells[4], why(s))
	case "ndjson":
		o := newSourceJSON(s)
		t.keep(writeJSON(t.w, targetJSON{Schema: schema, Type: "target", sourceJSON: o}))
	}
}

func (t *targetRows) line(symbol, target, stratum, offset, bound, rtt, why string) {
	_, err := fmt.Fprintln(t.w, strings.TrimRight(fmt.Sprintf("%s  %-*s  %-7s  %-13s  %-8s  %-8s  %s", symbol, t.width, target, stratum, offset, bound, rtt, why), " "))
	t.keep(err)
}

func (t *targetRows) keep(err error) { t.err = cmp.Or(t.err, err) }

// targetJSON is one line of ndjson: a target's keys are those of a source.
type targetJSON struct {
	Schema string `json:"schema"`
	Type   string `json:"type"`
	sourceJSON
}

// writeSurvey sums up: how many of each state, the largest offset, and how long it took.
func writeSurvey(w io.Writer, all []ntpprobe.SourceStatus, took time.Duration) error {
	samples := 0
	count := map[ntpprobe.SourceState]int{}
	var worst *ntpprobe.SourceStatus
	for i, s := range all {
		count[s.State]++
		samples += s.Samples
		if s.Estimate != nil && (worst == nil || s.Estimate.Offset.Abs() > worst.Estimate.Offset.Abs()) {
			worst = &all[i]
		}
	}
	fmt.Fprintf(w, "targets      %d agree with the interval, %d are outside, %d gave nothing usable, %d were not reached; %d samples in %s\n",
		count[ntpprobe.Agreed], count[ntpprobe.Falseticker], count[ntpprobe.Rejected], count[ntpprobe.Unreachable], samples, humanDuration(took))
	if worst == nil {
		return nil
	}
	_, err := fmt.Fprintf(w, "furthest     %s, by which it finds the local clock %s\n", canonical(worst.Server), humanOffset(worst.Estimate.Offset))
	return err
}

// inOrder sorts statuses as their servers were named.
func inOrder(all []ntpprobe.SourceStatus, servers []ntpprobe.Server) {
	place := map[string]int{}
	for i, server := range servers {
		place[server.Address] = i
	}
	slices.SortStableFunc(all, func(a, b ntpprobe.SourceStatus) int {
		return cmp.Compare(place[a.Server.Address], place[b.Server.Address])
	})
}
