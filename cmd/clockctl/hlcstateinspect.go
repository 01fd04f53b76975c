package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

func newHLCStateInspect(s streams) *cobra.Command {
	var o stateOutput
	cmd := &cobra.Command{
		Use:   "inspect FILE|DIR",
		Short: "Show a saved bound and what the next start would make of it",
		Long: `inspect reads the directory of an hlc.Durable, or one of its two slots. It changes
nothing and needs no lock, so it may run beside the process that uses it. LEAD is
measured with this machine's clock: a bound that is far ahead was saved with a clock
that was, or this one is behind.

Exit codes: 0 a start would go on above the bound, 1 it would be refused or a slot is
damaged, 64 usage.`,
		Example: `  clockctl hlc state inspect state
  clockctl hlc state inspect -o json state/bound.0`,
	}
	o.define(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runHLCStateInspect(cmd, s, &o, args) }
	return cmd
}

func runHLCStateInspect(cmd *cobra.Command, s streams, o *stateOutput, args []string) error {
	err := o.check(cmd, args, "a directory or one of its slots")
	if err != nil {
		return stateFailed(s, o, "", err)
	}
	now := time.Now()
	state, object, err := inspectPath(args[0], now)
	if err != nil {
		return stateFailed(s, o, args[0], stateProblem(err))
	}
	bad := stateProblem(state.Refused)
	if state.Damage != nil {
		bad = &badAnswer{code: "damaged", text: "a slot is damaged: " + state.Damage.Error() + "; the next start adds the largest step and repairs it"}
	}
	object.Error = newErrorJSON(bad)
	if o.output == "json" {
		return errors.Join(bad, writeJSON(s.out, object))
	}
	return errors.Join(bad, printState(s, state, now))
}

// inspectPath looks at a directory, or at one slot as if it were all.
func inspectPath(path string, now time.Time) (hlc.DurableState, stateJSON, error) {
	info, err := os.Stat(path)
	if err != nil {
		return hlc.DurableState{}, stateJSON{}, err
	}
	if info.IsDir() {
		state, err := hlc.InspectDurable(path)
		return state, newStateJSON(path, state, now), err
	}
	record, err := hlc.InspectDurableSlot(path)
	if err != nil {
		return hlc.DurableState{}, stateJSON{}, err
	}
	slot := hlc.DurableSlot{File: info.Name(), Record: record}
	object := stateJSON{Schema: schema, Path: path, Slots: []slotJSON{newSlotJSON(slot)}}
	object.bound(record.Bound, now)
	missing := hlc.DurableSlot{Err: os.ErrNotExist}
	return hlc.DurableState{Slots: [2]hlc.DurableSlot{slot, missing}, Newest: record, Bound: record.Bound}, object, nil
}

// stateFailed prints the object of a command that could not even look.
func stateFailed(s streams, o *stateOutput, path string, err error) error {
	if o.output != "json" && !o.json {
		return err
	}
	object := stateJSON{Schema: schema, Path: path, Slots: []slotJSON{}, Error: newErrorJSON(err)}
	if object.Error == nil {
		object.Error = &errorJSON{Code: "usage", Message: firstLine(err)}
	}
	return errors.Join(err, writeJSON(s.out, object))
}

func printState(s streams, state hlc.DurableState, now time.Time) error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SLOT\tSEQUENCE\tSTART\tNODE\tBOUND\tMAXSTEP\tWHY")
	for _, slot := range state.Slots {
		r := slot.Record
		switch {
		case slot.File == "":
		case slot.Err != nil:
			fmt.Fprintf(w, "%s\t-\t-\t-\t-\t-\t%s\n", slot.File, slot.Err)
		default:
			why := ""
			if r.Clean {
				why = "saved by Close"
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\t%s\n", slot.File, r.Sequence, r.Incarnation, r.Node, jsonTime(r.Bound.Time()), humanDuration(r.MaxStep), why)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if state.Refused != nil {
		return nil // stderr says why
	}
	_, err := fmt.Fprintf(s.out, "bound  %v: %s\n", state.Bound, humanLead(state.Bound, now))
	return err
}
