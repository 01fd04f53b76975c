package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// survey measures the targets against the report's interval, prints them as they are known, with
// progress on stderr, and sums up. Only where keep is set does it return them: there may be many.
// Without a sum nothing can be printed.
func (p *probing) survey(parent context.Context, s streams, o ntpprobe.MeasureOptions, r ntpprobe.Report, keep bool) ([]ntpprobe.SourceStatus, *tally, error) {
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)
	progress := newProgress(s, p.quiet, "probe", "targets", len(o.Servers))
	defer progress.erase()
	rows := &targetRows{w: s.out, format: p.output, paint: p.colored(s)}
	if rows.heading(o.Servers); rows.err != nil {
		return nil, nil, rows.err
	}
	var all []ntpprobe.SourceStatus
	sum := newTally(o)
	err := ntpprobe.Survey(ctx, o, r.Bound, func(status ntpprobe.SourceStatus) {
		if s.outTTY {
			progress.erase()
		}
		if rows.add(status); rows.err != nil {
			stop(rows.err) // nobody will see the others
		}
		sum.add(status, localOffset(o, r))
		if keep {
			all = append(all, status)
		}
		progress.step()
	})
	sum.took = time.Since(sum.began)
	switch {
	case rows.err != nil:
		return nil, nil, rows.err
	case interruption(parent) != nil:
		err = nil // the caller ends with it
	default:
		err = judge(ntpprobe.Report{Err: err}) // the local clock, or an interval that grew too old
	}
	return inOrder(all, o.Servers), sum, err
}

// localOffset is how slow the wall clock is now by the report's interval.
func localOffset(o ntpprobe.MeasureOptions, r ntpprobe.Report) time.Duration {
	at, interval := r.Instant, r.Interval
	if now, err := ntpprobe.ReadInstant(o.Local); err == nil {
		if i, err := now.Interval(r.Bound); err == nil {
			at, interval = now, i
		}
	}
	return time.Duration(interval.Midpoint() - at.Wall.UnixNano())
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

// inOrder returns statuses as their servers were named, maybe more than once.
func inOrder(all []ntpprobe.SourceStatus, servers []ntpprobe.Server) []ntpprobe.SourceStatus {
	known := map[string][]ntpprobe.SourceStatus{}
	for _, s := range all {
		known[s.Server.Address] = append(known[s.Server.Address], s)
	}
	ordered := make([]ntpprobe.SourceStatus, 0, len(all))
	for _, server := range servers {
		if list := known[server.Address]; len(list) > 0 {
			ordered, known[server.Address] = append(ordered, list[0]), list[1:]
		}
	}
	return ordered
}
