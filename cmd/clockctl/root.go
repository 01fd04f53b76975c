package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// streams is all that a subcommand sees of the process: stdout is data, stderr
// is words.
type streams struct {
	in             io.Reader
	out, err       io.Writer
	outTTY, errTTY bool
	getenv         func(string) string
}

func standardStreams() streams {
	return streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outTTY: term.IsTerminal(int(os.Stdout.Fd())), errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		getenv: os.Getenv,
	}
}

// run executes the command line and returns the exit code. Whatever ends with
// another code than 0 leaves exactly one line on stderr.
func run(ctx context.Context, args []string, s streams) int {
	root := newRoot(s, args)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil {
		fmt.Fprintf(s.err, "%s: %s\n", strings.Replace(cmd.CommandPath(), " ", ": ", 1), firstLine(err))
	}
	return exitCode(err)
}

func newRoot(s streams, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "clockctl",
		Short: "See how wrong the clocks are, and why",
		Long: `clockctl asks time servers and tells the true time as an interval that holds even
if some of them lie. It only reads: it never sets, steps or slews a clock, and
needs no root.

Exit codes: 0 the answer is good, 1 it is bad (no quorum, a failed lesson),
64 usage, 130 and 143 interrupted.`,
		Example: `  clockctl demo
  clockctl probe ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		err = &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		if format := wantedJSON(args); format != "" && cmd.Flags().Lookup("output") != nil {
			var object any = failedJSON(cmd.Name(), format, "usage", err)
			if cmd.HasParent() && cmd.Parent().Name() == "hlc" {
				object = failedHLCJSON(cmd, err)
			}
			return errors.Join(err, writeJSON(s.out, object))
		}
		return err
	})
	root.AddCommand(newProbe(s), newNow(s), newWatch(s), newHLC(s), newDemo(s))
	return root
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("unknown command %q; see %s --help", args[0], cmd.CommandPath())}
}

// wantedJSON finds "json" or "ndjson" in a command line that could not be parsed,
// or "".
func wantedJSON(args []string) string {
	for i, arg := range args {
		value := ""
		switch {
		case arg == "--json":
			return "json"
		case (arg == "-o" || arg == "--output") && i+1 < len(args):
			value = args[i+1]
		case strings.HasPrefix(arg, "--output="):
			value = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o"):
			value = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		}
		if value == "json" || value == "ndjson" {
			return value
		}
	}
	return ""
}

// firstLine keeps an error on one line and drops the library's prefix.
func firstLine(err error) string {
	text := err.Error()
	for _, library := range []string{"ntpprobe: ", "truetime: ", "hlc: "} {
		text = strings.TrimPrefix(text, library)
	}
	if interrupted := new(interruptedError); errors.As(err, &interrupted) {
		text = interrupted.Error()
	}
	return strings.ReplaceAll(text, "\n", " ")
}
