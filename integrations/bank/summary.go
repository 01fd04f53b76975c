package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/driver"
)

// summary says what was done and what was found. It returns errWrong if that was something, and errNotJudged if nothing was found, but not
// everything was judged.
func summary(w io.Writer, o driver.Options, r check.Record, f driver.Faults, report check.Report) error {
	counts := map[check.State]int{}
	for _, t := range r.Transfers {
		counts[t.State]++
	}
	fmt.Fprintf(w, "seed %d, %d shards, %d accounts, %d clients, %v", o.Seed, o.Shards, r.Accounts, o.Clients, o.For)
	if o.Break != "" {
		fmt.Fprintf(w, ", broken: %s", o.Break)
	}
	fmt.Fprintf(w, "\n%d transactions committed, %d aborted%s, %d of unknown outcome\n", counts[check.Committed], counts[check.Aborted], reasons(r), counts[check.Unknown])
	fmt.Fprintf(w, "%d snapshots over all shards, %d of them read once more, %d not answered\n", len(r.Snapshots), len(r.Again), r.Missed)
	fmt.Fprintf(w, "%d kills, %d of them twice, %d pauses\n", f.Kills, f.Twice, f.Pauses)
	if latencies, epsilon := driver.Latencies(r); len(latencies) > 0 {
		at := func(part int) time.Duration { return latencies[len(latencies)*part/100].Round(10 * time.Microsecond) }
		fmt.Fprintf(w, "a transfer takes %v (p50), %v (p99); 2ε is %v on average\n", at(50), at(99), (2 * epsilon).Round(10*time.Microsecond))
	}
	return verdict(w, report)
}

func verdict(w io.Writer, report check.Report) error {
	for _, what := range report.Undecided {
		fmt.Fprintf(w, "not decided in time: linearizability of %s\n", what)
	}
	for _, what := range report.Missing {
		fmt.Fprintf(w, "no evidence: %s\n", what)
	}
	if len(report.Problems) > 0 {
		fmt.Fprintln(w, "WRONG:")
		for _, p := range report.Problems {
			fmt.Fprintf(w, "- %v\n", p)
		}
		return errWrong
	}
	if len(report.Missing) > 0 {
		return errNotJudged
	}
	linearizability := " linearizability of each account,"
	if len(report.Undecided) > 0 {
		linearizability = ""
	}
	fmt.Fprintf(w, "right: totals, the same snapshots twice, what the stores kept,%s and for %d operations\n"+
		"real time, stale reads, causal reverse, long fork, monotonic sessions, snapshots by replay\n", linearizability, report.Operations)
	if len(report.Undecided) > 0 {
		return errNotJudged
	}
	return nil
}

func reasons(r check.Record) (text string) {
	counts := driver.Reasons(r.Transfers)
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		text += fmt.Sprintf(" %s %d", why, counts[why])
	}
	if text != "" {
		text = " (" + text[1:] + ")"
	}
	return text
}
