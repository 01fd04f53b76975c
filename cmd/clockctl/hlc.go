package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

func newHLC(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hlc",
		Short: "Stamp with a hybrid clock; read, convert and compare its timestamps; see what it saved",
		Long: `hlc prints a hybrid timestamp of now, reads timestamps in every form in which they
travel or are stored, and says which of two is before the other. hlc state is about
the bound that a clock saved, above which it goes on after a crash.

Exit codes: those of the subcommand.`,
		Example: `  clockctl hlc now
  clockctl hlc parse 1790000000.123456789,7
  clockctl hlc compare 1790000000.123456789,7 1790000000.123456789,8
  clockctl hlc state inspect state`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHLCNow(s), newHLCParse(s), newHLCCompare(s), newHLCState(s))
	return cmd
}

// hlcForms is what --help says of the forms that are read.
const hlcForms = `
  1790000000.123456789,7                  text; ",7" may be missing
  1790000000123456789.0000000007          decimal, as CockroachDB's SQL has it
  20260921T141320.123456789Z-0000000007   sortable, for file names and keys
  18d75b842b4ecd1500000007                12 bytes in hex, ascending or descending
  7331840000505679872                     packed, with --layout

A timestamp before 1970 begins with a dash: write it behind " -- ".
`

// hlcFlags are the flags of the subcommands of hlc.
type hlcFlags struct {
	output string
	json   bool
	layout string
}

func (f *hlcFlags) add(cmd *cobra.Command, layout bool) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.output, "output", "o", "table", "table, json")
	flags.BoolVar(&f.json, "json", false, "short for -o json")
	if layout {
		flags.StringVar(&f.layout, "layout", "", "of numbers without a point, which are packed timestamps: "+strings.Join(layoutNames(), ", "))
	}
}

// check settles the output, and finds the layout: the zero one if none was named.
func (f *hlcFlags) check(cmd *cobra.Command) (hlc.Layout, error) {
	switch {
	case f.json && cmd.Flags().Changed("output") && f.output != "json":
		return hlc.Layout{}, &usageError{fmt.Errorf("--json and -o %s contradict each other", f.output)}
	case f.json:
		f.output = "json"
	case !slices.Contains([]string{"table", "json"}, f.output):
		return hlc.Layout{}, &usageError{fmt.Errorf("unknown output %q; use table, json", f.output)}
	}
	if f.layout == "" {
		return hlc.Layout{}, nil
	}
	for _, l := range hlc.Layouts() {
		if f.layout == l.String() || f.layout == "yugabyte" && l == hlc.Kudu() {
			return l, nil
		}
	}
	return hlc.Layout{}, &usageError{fmt.Errorf("unknown layout %q; use %s", f.layout, strings.Join(layoutNames(), ", "))}
}

// failed prints the JSON object of a subcommand that could not do its work.
func (f *hlcFlags) failed(cmd *cobra.Command, s streams, err error) error {
	if f.json || f.output == "json" {
		return errors.Join(err, writeJSON(s.out, failedHLCJSON(cmd, err)))
	}
	return err
}

func layoutNames() []string {
	names := []string{"yugabyte"} // Kudu's under its other name
	for _, l := range hlc.Layouts() {
		names = append(names, l.String())
	}
	slices.Sort(names)
	return names
}
