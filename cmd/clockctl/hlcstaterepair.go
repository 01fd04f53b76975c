package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

// stateRepair are the flags.
type stateRepair struct {
	stateOutput
	bound string
	node  uint64
	lower bool
	yes   bool
}

type stateRepairJSON struct {
	Done        bool     `json:"done"`
	Bound       string   `json:"bound"`
	Lead        int64    `json:"lead_ns"`
	Consequence []string `json:"consequence"`
	Record      *uint64  `json:"record"` // its sequence
}

func newHLCStateRepair(s streams) *cobra.Command {
	var r stateRepair
	cmd := &cobra.Command{
		Use:   "repair --bound TIME DIR",
		Short: "State a new bound for a directory whose own cannot be used",
		Long: `repair replaces what is saved in the directory of an hlc.Durable by a bound that you
state. Without --yes it only says what would happen. No process may be using the
directory.

Use it when a start is refused because no slot can be believed: state a moment that
no timestamp was ever above, such as the present on a good clock plus the largest lead
that your clocks allow. Or when a bound was saved with a clock that was far ahead, and no
timestamp near it was handed out to anybody: state a lower one with --lower.

Exit codes: 0 repaired, or it would be; 1 refused, 64 usage.`,
		Example: `  clockctl hlc state repair --bound 2100-01-01T00:00:00Z state
  clockctl hlc state repair --bound 2020-01-01T00:00:00Z --lower --yes -o json state`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&r.bound, "bound", "", "no timestamp after this moment was ever handed out (RFC 3339)")
	f.Uint64Var(&r.node, "node", 0, "whose bound it is, if no slot can be believed")
	f.BoolVar(&r.lower, "lower", false, "allow a moment before the saved bound")
	f.BoolVar(&r.yes, "yes", false, "do it")
	r.define(cmd)
	onlyOnCommandLine(cmd, "bound", "node", "lower", "yes")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runHLCStateRepair(cmd, s, &r, args) }
	return cmd
}

func runHLCStateRepair(cmd *cobra.Command, s streams, r *stateRepair, args []string) error {
	bound, err := r.moment(cmd, args)
	if err != nil {
		return stateFailed(s, &r.stateOutput, "", err)
	}
	now, dir := time.Now(), args[0]
	state, err := hlc.InspectDurable(dir)
	if err == nil && !r.lower && state.Refused == nil && bound.Before(state.Bound) {
		err = &hlc.LowersBoundError{Saved: state.Bound, Stated: bound}
	}
	if err != nil {
		return stateFailed(s, &r.stateOutput, dir, r.problem(err))
	}
	repair := stateRepairJSON{Bound: jsonTime(bound.Time()), Lead: int64(bound.Time().Sub(now)), Consequence: consequence(state, bound, now)}
	if r.yes {
		record, err := hlc.RepairDurable(dir, hlc.DurableRepair{Bound: bound, Lower: r.lower, Node: r.node})
		if err != nil {
			return stateFailed(s, &r.stateOutput, dir, r.problem(err))
		}
		repair.Done, repair.Record = true, &record.Sequence
	}
	if r.output == "json" {
		object := newStateJSON(dir, state, now)
		object.Repair = &repair
		return writeJSON(s.out, object)
	}
	return printRepair(s, state, repair, now)
}

// moment is the bound that the command line states.
func (r *stateRepair) moment(cmd *cobra.Command, args []string) (hlc.Timestamp, error) {
	if err := r.check(cmd, args, "the directory"); err != nil {
		return hlc.Timestamp{}, err
	}
	if r.bound == "" {
		return hlc.Timestamp{}, &usageError{errors.New("--bound is missing: state a moment after which no timestamp was ever handed out")}
	}
	at, err := time.Parse(time.RFC3339Nano, r.bound)
	if err != nil {
		return hlc.Timestamp{}, &usageError{fmt.Errorf("--bound %q is not a moment such as 2026-11-23T07:36:45.5Z", r.bound)}
	}
	wall := at.UnixNano()
	if wall <= 0 || !time.Unix(0, wall).Equal(at) {
		return hlc.Timestamp{}, &usageError{fmt.Errorf("--bound %s is not between 1970 and 2262", r.bound)}
	}
	return hlc.Timestamp{WallTime: wall, Logical: math.MaxUint32}, nil
}

func (r *stateRepair) problem(err error) error {
	bad := stateProblem(err)
	if lowers := new(hlc.LowersBoundError); errors.As(err, &lowers) {
		return &badAnswer{code: "lowers_bound", err: err, text: fmt.Sprintf(
			"the saved bound is %s, later than --bound: timestamps in between may have been handed out; if none was, say --lower", jsonTime(lowers.Saved.Time()))}
	}
	return bad
}

// consequence says what the next start will do, a sentence each.
func consequence(state hlc.DurableState, bound hlc.Timestamp, now time.Time) []string {
	lines := []string{"the next start hands out timestamps above it; any that was handed out above it comes again"}
	if state.Refused == nil && bound.Before(state.Bound) {
		lines = append(lines, fmt.Sprintf("it lies %s below the saved bound: timestamps in between lose their order, and may come twice",
			humanDuration(time.Duration(state.Bound.WallTime-bound.WallTime))))
	}
	if lead := bound.Time().Sub(now); lead > 0 {
		lines = append(lines, fmt.Sprintf("it lies %s ahead of this machine's clock: a start jumps or waits that far, or is refused", humanDuration(lead)))
	}
	if state.Refused != nil || state.Damage != nil {
		lines = append(lines, "the count of starts is not known; it goes on from the seconds of the bound since 1970")
	}
	return lines
}

func printRepair(s streams, state hlc.DurableState, repair stateRepairJSON, now time.Time) error {
	saved := "none that can be believed"
	if state.Refused == nil {
		saved = fmt.Sprintf("%s: %s", jsonTime(state.Bound.Time()), humanLead(state.Bound, now))
	}
	fmt.Fprintf(s.out, "saved bound  %s\nnew bound    %s\n", saved, repair.Bound)
	for _, line := range repair.Consequence {
		fmt.Fprintf(s.out, "consequence  %s\n", line)
	}
	if !repair.Done {
		_, err := fmt.Fprintln(s.out, "nothing was changed; --yes does it")
		return err
	}
	_, err := fmt.Fprintf(s.out, "done: record %d\n", *repair.Record)
	return err
}
