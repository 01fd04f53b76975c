package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// analysis holds the flags of analyze.
type analysis struct {
	tracing
	output string
	json   bool
}

func newAnalyze(s streams) *cobra.Command {
	var a analysis
	cmd := &cobra.Command{
		Use:   "analyze FILE...",
		Short: "Replay a recording under other assumptions",
		Long: `analyze replays what record has written, the four timestamps of each exchange, through
the estimator that probe and record use, and says what the uncertainty would have been
with another --max-drift, --wander or --max-faulty (default: as recorded).

  ±p50, ±p95, ±max  half widths of the interval, just before and just after each exchange
  local rate        the range in which the rate of the machine's counter lies
  conflicts         how often an assumption was disproved
  holdover          the half width 1 min and 1 h after the last exchange, if none followed;
                    arithmetic beyond the age of 1 h at which an interval is no longer served:
                    there serve says unknown, and watch, which serves for 2 h, goes on
  rate              the straight line through the offsets: what the clock loses or gains
  Allan deviation   overlapping, of the middle of the interval: network noise is in it;
                    ± is one standard error, of the terms that do not overlap

Rate and Allan deviation are of the longest stretch in which the clock ran on, without
a new epoch of the local clock or a step of the wall clock, which are counted.

It also reads chrony's measurements.log, tracking.log and statistics.log, told by their
header line. Those cannot be replayed: the timestamps are not in them and the clock was
steered. Offsets and errors are taken as chronyd claims them, per server; an Allan
deviation of a clock that is steered says how well it is steered. In statistics.log are
standard deviations and no error bounds, so no width follows from it.

Several files are read together, in any order: those that record rotated are one recording,
and a line that is read twice counts once. Lines that are torn or make no sense are skipped
with a warning. A recording is held in memory, about 1.4 kB for each exchange. - is
standard input.

Exit codes: 0 there is an answer, 1 no interval follows from the files or one is neither
a recording nor a log, 64 usage (also a file that cannot be opened, or a --max-faulty
that the recorded servers cannot carry).`,
		Example: `  clockctl analyze drift.ndjson
  clockctl analyze --max-drift 50ppm --wander 1ppm --max-faulty 0 drift.ndjson
  clockctl analyze -o json --clock local drift.ndjson`,
	}
	a.define(cmd)
	cmd.Flags().StringVarP(&a.output, "output", "o", "table", "table, json")
	cmd.Flags().BoolVar(&a.json, "json", false, "short for -o json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runAnalyze(cmd, s, &a, args) }
	return cmd
}

// define adds the flags that analyze and plot share.
func (t *tracing) define(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&t.maxFaulty, "max-faulty", -1, "f, the failure domains that may lie (default: as recorded)")
	f.Var(&t.maxDrift, "max-drift", "fastest that the local clock may run wrong; a bare number is ppm (default: as recorded)")
	f.Var(&t.wander, "wander", "how far its rate may stray from one fixed rate (default: as recorded)")
	f.StringVar(&t.clock, "clock", "wall", "whose offset: wall, the time of day that programs see, or local, the counter that is never set")
	f.Lookup("max-faulty").DefValue = "0" // of a number pflag prints any other
	for _, name := range []string{"max-faulty", "max-drift", "wander"} {
		onlyOnCommandLine(cmd, name) // settings are for measuring: here they would take the place of what was recorded
	}
}

// check refuses what cannot work before a file is read.
func (t *tracing) check(cmd *cobra.Command, files []string) error {
	f := cmd.Flags()
	t.faultySet, t.driftSet, t.wanderSet = f.Changed("max-faulty"), f.Changed("max-drift"), f.Changed("wander")
	switch {
	case len(files) == 0:
		return &usageError{fmt.Errorf("no file given; record one: clockctl record drift.ndjson ntp1.example.net …")}
	case !slices.Contains([]string{"wall", "local"}, t.clock):
		return &usageError{fmt.Errorf("unknown clock %q; use wall or local", t.clock)}
	case t.faultySet && t.maxFaulty < 0:
		return &usageError{fmt.Errorf("--max-faulty %d is negative", t.maxFaulty)}
	case t.driftSet && t.wanderSet && t.wander > t.maxDrift:
		return &usageError{fmt.Errorf("--wander %s is more than --max-drift %s", t.wander, t.maxDrift)}
	}
	return nil
}

func runAnalyze(cmd *cobra.Command, s streams, a *analysis, args []string) error {
	traces, err := a.traces(cmd, s, args)
	if a.output == "json" {
		return errors.Join(err, writeJSON(s.out, newAnalysisJSON(args, a.clock, traces, err)))
	}
	return errors.Join(printAnalysis(s.out, a.clock, traces), err)
}

func (a *analysis) traces(cmd *cobra.Command, s streams, files []string) ([]trace, error) {
	if a.json {
		if cmd.Flags().Changed("output") && a.output != "json" {
			return nil, &usageError{fmt.Errorf("--json and -o %s contradict each other", a.output)}
		}
		a.output = "json"
	}
	if a.output != "table" && a.output != "json" {
		return nil, &usageError{fmt.Errorf("unknown output %q; use table, json", a.output)}
	}
	if err := a.check(cmd, files); err != nil {
		return nil, err
	}
	traces, err := a.read(s, "analyze", files)
	if err != nil {
		return nil, err
	}
	return traces, judgeTraces(traces, files)
}

// judgeTraces returns an error if nothing is known of any clock.
func judgeTraces(traces []trace, files []string) error {
	for _, tr := range traces {
		if len(tr.points) > 0 {
			return nil
		}
	}
	return &badAnswer{code: "no_interval", err: errors.New("no interval"), text: "no interval follows from " + strings.Join(files, ", ") + "; too few servers answered, or too many contradict each other: try another --max-faulty"}
}
