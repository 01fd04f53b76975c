package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newHLCParse(s streams) *cobra.Command {
	var f hlcFlags
	cmd := &cobra.Command{
		Use:   "parse TS...",
		Short: "Read timestamps in any form, print them in all",
		Long: `parse reads timestamps and prints each in every form, with what rounding up costs
in those that are coarser. It reads
` + hlcForms + `
Exit codes: 0 all are timestamps, 1 one is not, 64 usage.`,
		Example: `  clockctl hlc parse 1790000000.123456789,7
  clockctl hlc parse 20260921T141320.123456789Z-0000000007 18d75b842b4ecd1500000007
  clockctl hlc parse --layout kudu -o json 7331840000505679872
  clockctl hlc parse -- -1.500000000,0`,
	}
	f.add(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		layout, err := f.check(cmd)
		if err == nil && len(args) == 0 {
			err = &usageError{errors.New("no timestamp given; try clockctl hlc parse 1790000000.123456789,7")}
		}
		if err != nil {
			return f.failed(cmd, s, err)
		}
		all := timestampsJSON{Schema: schema, Timestamps: []timestampJSON{}}
		var first error
		for _, text := range args {
			ts, form, err := readTimestamp(text, layout)
			if usage := new(usageError); errors.As(err, &usage) {
				return f.failed(cmd, s, err)
			}
			if err != nil && first == nil {
				first, all.Error = err, newErrorJSON(err)
			}
			all.Timestamps = append(all.Timestamps, readJSON(text, form, ts, err))
		}
		return errors.Join(f.printParsed(s, all), first)
	}
	return cmd
}

// printParsed prints what could be read; stderr says what could not.
func (f *hlcFlags) printParsed(s streams, all timestampsJSON) error {
	if f.output == "json" {
		return writeJSON(s.out, all)
	}
	printed := 0
	for _, one := range all.Timestamps {
		if one.Error != nil {
			continue
		}
		if printed++; printed > 1 {
			if _, err := fmt.Fprintln(s.out); err != nil {
				return err
			}
		}
		if err := writeForms(s.out, one.value); err != nil {
			return err
		}
	}
	return nil
}
