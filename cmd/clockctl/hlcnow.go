package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

func newHLCNow(s streams) *cobra.Command {
	var f hlcFlags
	cmd := &cobra.Command{
		Use:   "now",
		Short: "Print a hybrid timestamp of now in every form",
		Long: `now stamps one event with a fresh hybrid clock over this machine's wall clock. It
has heard from nobody, so it is as right as that clock, and says nothing about other
machines' events.

Exit codes: 0 done, 64 usage.`,
		Example: `  clockctl hlc now
  clockctl hlc now -o json`,
	}
	f.add(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if _, err := f.check(cmd); err != nil {
			return f.failed(cmd, s, err)
		}
		if len(args) > 0 {
			return f.failed(cmd, s, &usageError{fmt.Errorf("now takes no argument; clockctl hlc parse reads timestamps")})
		}
		clock, err := hlc.New(hlc.Options{})
		if err != nil {
			return f.failed(cmd, s, err)
		}
		ts := clock.Now()
		if f.output == "json" {
			return writeJSON(s.out, timestampsJSON{Schema: schema, Timestamps: []timestampJSON{newTimestampJSON(ts)}})
		}
		return writeForms(s.out, ts)
	}
	return cmd
}
