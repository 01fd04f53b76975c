package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
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
	systemConfig   string // configuration of the machine, or ""
}

func standardStreams() streams {
	system := "/etc/clockctl/config.toml"
	if runtime.GOOS == "windows" {
		system = "" // anybody could make that folder
	}
	return streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outTTY: term.IsTerminal(int(os.Stdout.Fd())), errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		getenv: os.Getenv, systemConfig: system,
	}
}

// run executes the command line and returns the exit code. Whatever ends with
// another code than 0 leaves exactly one line on stderr.
func run(ctx context.Context, args []string, s streams) int {
	out := &checkedWriter{Writer: s.out}
	if !s.outTTY {
		s.out = out
	}
	root := newRoot(s, args)
	root.SetArgs(args)
	mistake := refuseUnknownHelp(root)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = cmp.Or(*mistake, out.err)
	}
	if err != nil {
		line := firstLine(err)
		if exitCode(err) == exitUsage {
			line += comesFrom(cmd, line)
		}
		fmt.Fprintf(s.err, "%s: %s\n", named(cmd), line)
	}
	return exitCode(err)
}

// named is a command as the lines on stderr begin: clockctl: hlc now.
func named(cmd *cobra.Command) string { return strings.Replace(cmd.CommandPath(), " ", ": ", 1) }

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
	}
	version := root.Flags().Bool("version", false, "print the version") // cobra's own looks at no argument
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		if !*version {
			return cmd.Help()
		}
		_, err := fmt.Fprintln(s.out, buildVersion())
		return err
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if unknown := unknownCommand(cmd, cmd.Flags().Args()); cmd.HasSubCommands() && unknown != nil {
			return unknown // whose flags they would be
		}
		return misused(cmd, s, args, err)
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := configure(cmd, s); err != nil {
			return cmd.FlagErrorFunc()(cmd, err) // a mistake in the configuration is one in the flags
		}
		return nil
	}
	root.PersistentFlags().String("config", "", "read this configuration file instead of the usual ones")
	help := newHelp()
	root.AddCommand(newProbe(s), newNow(s), newWatch(s), newCheck(s, args), newWait(s, args), newDoctor(s, args), newHLC(s), newDemo(s), newSources(s), newClocks(s), newRecord(s), newAnalyze(s), newPlot(s), newMatrix(s), newServe(s), newConfig(s), newVersion(s), newCompletion(s), newMan(s), help)
	root.SetHelpCommand(help)
	completeValues(root)
	for _, cmd := range everyCommand(root) {
		cmd.SuggestionsMinimumDistance = 2
	}
	return root
}

func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("unknown command %q%s; see %s --help", args[0], meant(cmd, args[0]), cmd.CommandPath())}
}

// meant says which subcommand may have been meant.
func meant(cmd *cobra.Command, typed string) string {
	if names := cmd.SuggestionsFor(typed); len(names) > 0 {
		return " (did you mean " + strings.Join(names, " or ") + "?)"
	}
	return ""
}

// firstLine keeps an error on one line and drops the library's prefix.
func firstLine(err error) string {
	text := strings.Join(slices.Compact(strings.Split(err.Error(), "\n")), "; ") // errors that were joined: what failed twice, once
	for _, library := range []string{"ntpprobe: ", "truetime: ", "hlc: ", "skewhttp: ", "chronyc: ", "clocks: ", "timex: "} {
		text = strings.TrimPrefix(text, library)
	}
	if interrupted := new(interruptedError); errors.As(err, &interrupted) {
		text = interrupted.Error()
	}
	return visible(text) // part of it may come from whoever answered
}
