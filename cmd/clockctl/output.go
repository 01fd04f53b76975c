package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// tableOrJSON are the output flags of a subcommand that prints for people, or one object.
type tableOrJSON struct {
	output string
	json   bool
}

func (o *tableOrJSON) define(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.output, "output", "o", "table", "table, json")
	cmd.Flags().BoolVar(&o.json, "json", false, "short for -o json")
}

// outputsOf lists what -o may be for a command: its text begins with that.
func outputsOf(cmd *cobra.Command) []string {
	f := cmd.Flags().Lookup("output")
	if f == nil {
		return nil
	}
	list, _, _ := strings.Cut(f.Usage, " (")
	return strings.Split(list, ", ")
}

// settle makes output one of the two, or is a usage error.
func (o *tableOrJSON) settle(cmd *cobra.Command) error {
	switch {
	case o.json && cmd.Flags().Changed("output") && o.output != "json":
		return &usageError{fmt.Errorf("--json and -o %s contradict each other", o.output)}
	case o.json:
		o.output = "json"
	case o.output != "table" && o.output != "json":
		return &usageError{fmt.Errorf("unknown output %q; use table, json", o.output)}
	}
	return nil
}

// checkedWriter remembers the first error, for what prints without a look at it, such as cobra's help.
type checkedWriter struct {
	io.Writer
	err error
}

func (w *checkedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil && !errors.Is(err, syscall.EPIPE) { // who reads no more has enough
		w.err = err
	}
	return n, err
}
