package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

func newHLCState(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "The bound that a clock has saved for its next start",
		Long: `state looks at the directory of an hlc.Durable, and repairs it.

The directory holds one bound: no timestamp above it was ever handed out, so a
start goes on above it. Two files hold it in turns (bound.0, bound.1), and the file
"initialised" says that there was one. Do not delete, copy back or restore any of
them: timestamps that were handed out would be handed out again.`,
		Example: `  clockctl hlc state inspect state`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHLCStateInspect(s), newHLCStateRepair(s))
	return cmd
}

// stateOutput are the output flags of both.
type stateOutput struct{ tableOrJSON }

// check finds the mistakes that need no look at the disk.
func (o *stateOutput) check(cmd *cobra.Command, args []string, what string) error {
	if err := o.settle(cmd); err != nil {
		return err
	}
	if len(args) != 1 {
		return &usageError{fmt.Errorf("%d arguments instead of one, %s; see %s --help", len(args), what, cmd.CommandPath())}
	}
	return nil
}

// stateJSON is the object of both; null is unknown.
type stateJSON struct {
	Schema      string           `json:"schema"`
	Path        string           `json:"path"`
	Initialised *bool            `json:"initialised"`
	Slots       []slotJSON       `json:"slots"`
	Bound       *string          `json:"bound"`
	Logical     *uint32          `json:"bound_logical"`
	Lead        *int64           `json:"lead_ns"` // of the bound above this machine's clock
	Damage      *string          `json:"damage"`
	Repair      *stateRepairJSON `json:"repair,omitempty"`
	Error       *errorJSON       `json:"error,omitempty"`
}

type slotJSON struct {
	File        string  `json:"file"`
	Sequence    *uint64 `json:"sequence"`
	Incarnation *uint64 `json:"incarnation"`
	Node        *string `json:"node"` // decimal; too large for a number of JavaScript
	Bound       *string `json:"bound"`
	Logical     *uint32 `json:"bound_logical"`
	MaxStep     *int64  `json:"max_step_ns"`
	Clean       *bool   `json:"clean"`
	Detail      *string `json:"detail"` // why it is not believed
}

func newSlotJSON(slot hlc.DurableSlot) slotJSON {
	o := slotJSON{File: slot.File}
	if slot.Err != nil {
		o.Detail = ptr(slot.Err.Error())
		return o
	}
	r := slot.Record
	o.Sequence, o.Incarnation, o.Node = &r.Sequence, &r.Incarnation, ptr(fmt.Sprint(r.Node))
	o.Bound, o.Logical, o.MaxStep, o.Clean = ptr(jsonTime(r.Bound.Time())), &r.Bound.Logical, ns(r.MaxStep), &r.Clean
	return o
}

// bound adds a bound, as seen by this machine's clock.
func (o *stateJSON) bound(bound hlc.Timestamp, now time.Time) {
	o.Bound, o.Logical, o.Lead = ptr(jsonTime(bound.Time())), &bound.Logical, ns(bound.Time().Sub(now))
}

func newStateJSON(path string, state hlc.DurableState, now time.Time) stateJSON {
	o := stateJSON{Schema: schema, Path: path, Initialised: &state.Initialised}
	for _, slot := range state.Slots {
		o.Slots = append(o.Slots, newSlotJSON(slot))
	}
	if state.Refused == nil {
		o.bound(state.Bound, now)
	}
	if state.Damage != nil {
		o.Damage = ptr(state.Damage.Error())
	}
	return o
}

// stateProblem is a bad answer of the library, or nil.
func stateProblem(err error) error {
	if err == nil {
		return nil
	}
	var lowers *hlc.LowersBoundError
	var wrong *hlc.WrongNodeError
	code := "storage"
	switch {
	case errors.Is(err, hlc.ErrNoState):
		code = "no_state"
	case errors.Is(err, hlc.ErrLocked):
		code = "locked"
	case errors.As(err, new(*hlc.StateError)):
		code = "no_bound"
	case errors.As(err, &lowers):
		code = "lowers_bound"
	case errors.As(err, &wrong):
		code = "wrong_node"
	case errors.Is(err, os.ErrNotExist):
		code = "not_found"
	}
	return &badAnswer{code: code, text: strings.TrimPrefix(err.Error(), "hlc: "), err: err}
}

// humanLead says where a bound stands.
func humanLead(bound hlc.Timestamp, now time.Time) string {
	lead := bound.Time().Sub(now)
	if lead < 0 {
		return humanDuration(-lead) + " behind this machine's clock"
	}
	return humanDuration(lead) + " ahead of this machine's clock"
}
