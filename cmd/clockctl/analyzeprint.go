package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/trueclock/trueclock/internal/allan"
	"github.com/trueclock/trueclock/internal/replay"
)

// printAnalysis prints a row for each trace, and below it what only a replay knows.
func printAnalysis(w io.Writer, clock string, traces []trace) error {
	if len(traces) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "TRACE\tKIND\tPOINTS\tOVER\t±P50\t±P95\t±MAX\tRATE OF THE %s CLOCK\n", strings.ToUpper(clock))
	for _, tr := range traces {
		fmt.Fprintln(table, strings.Join(analysisRow(tr), "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, tr := range traces {
		if _, err := io.WriteString(w, analysisDetails(tr)); err != nil {
			return err
		}
	}
	return nil
}

func analysisRow(tr trace) []string {
	row := []string{visible(tr.name), tr.kind, fmt.Sprint(len(tr.points)), "-", "-", "-", "-", "-"}
	if n := len(tr.points); n > 0 {
		row[3] = tr.points[n-1].at.Sub(tr.points[0].at).Round(time.Second).String()
	}
	if halves := tr.halves(); len(halves) > 0 {
		widths := replay.QuantilesOf(halves)
		row[4], row[5], row[6] = humanBound(widths.P50), humanBound(widths.P95), humanBound(widths.Max)
	}
	if fit, ok := replay.FitLine(tr.steady); ok {
		row[7] = humanRatio(fit.Rate)
	}
	return row
}

// analysisDetails is a paragraph.
func analysisDetails(tr trace) string {
	var text strings.Builder
	line := func(name, format string, a ...any) {
		fmt.Fprintf(&text, "%-12s %s\n", name, fmt.Sprintf(format, a...))
	}
	fmt.Fprintf(&text, "\n%s\n", visible(tr.name))
	if tr.made != "" {
		line("made by", "%s", visible(tr.made))
	}
	if r := tr.replay; r != nil {
		line("assumed", "%d may lie, drift %s, wander %s", r.Faulty, ppb(tr.assume.DriftPPB), ppb(tr.assume.WanderPPB))
		line("exchanges", "%d accepted, %d refused; no interval at %d of %d looks", r.Accepted, r.Refused, r.Missing(), len(r.Looks))
		if r.Rate != nil {
			line("local rate", "%s to %s", humanRate(r.Rate.LeastPPB), humanRate(r.Rate.MostPPB))
		}
		line("conflicts", "%s", conflictsText(r))
		if tr.steps > 0 {
			line("steps", "the wall clock was certainly set %d×; its rate and Allan deviation are of the longest stretch between", tr.steps)
		}
		if len(r.Holdover) > 0 {
			line("holdover", "%s", holdoverText(r.Holdover))
		}
	} else if r := tr.regression; r != nil {
		line("not replayed", "it has what chronyd's regression made of the measurements, and not those: no width, holdover or conflict follows")
		line("regression", "standard deviation of the offsets %s at the median; the last rate %s, skew %.3f ppm: estimates, not bounds", humanDuration(r.deviation), humanRatio(r.rate), r.skew*1e6)
	} else {
		line("not replayed", "its timestamps are not in the log: offsets and errors are as chronyd claims them")
	}
	line("Allan dev.", "%s", allanText(tr.allan()))
	return text.String()
}

func conflictsText(r *replay.Result) string {
	d := r.Disproofs
	var found []string
	for _, c := range []struct {
		count int
		what  string
	}{
		{d.Epoch, "the local clock lost continuity"}, {d.Jump, "the local clock jumped, or too many lie"}, {d.Wander, "its rate strayed by more than the wander"},
		{d.Disagreement, "more servers lie than may"}, {d.Conflict, "an interval excluded the one before"}, {r.Refusals, "the clock refused an interval"},
	} {
		if c.count > 0 {
			found = append(found, fmt.Sprintf("%d× %s", c.count, c.what))
		}
	}
	if found == nil {
		return "none"
	}
	return strings.Join(found, ", ")
}

func holdoverText(list []replay.Holdover) string {
	var parts []string
	for _, h := range list {
		part := fmt.Sprintf("±%s after %s", humanBound(h.Uncertainty), map[time.Duration]string{time.Minute: "1 min", time.Hour: "1 h"}[h.After])
		if h.Expired {
			part += " (no longer served)"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func allanText(points []allan.Point) string {
	if len(points) == 0 {
		return "too few points"
	}
	var parts []string
	for _, p := range points {
		parts = append(parts, fmt.Sprintf("%.2e ±%.0f %% at %s", p.Deviation, math.Ceil(100*p.Error), strings.ReplaceAll(humanDuration(p.Tau), ".000", "")))
	}
	return strings.Join(parts, ", ")
}

// humanRatio says a rate in words, however absurd it is.
func humanRatio(rate float64) string { return humanRate(int64(min(max(rate, -1e9), 1e9) * 1e9)) }

// visible keeps what a file says from steering the terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
