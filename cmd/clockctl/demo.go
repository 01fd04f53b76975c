package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/demo"
	"github.com/trueclock/trueclock/ntpprobe"
)

func newDemo(s streams) *cobra.Command {
	var list, child bool
	var seed uint64
	var html string
	cmd := &cobra.Command{
		Use:   "demo [LESSON]",
		Short: "Run the whole story on an embedded fleet: no network, no root",
		Long: `demo starts time servers behind slow, lossy relays, and some that lie, all on loopback, and
tells what the toolkit does with them: intervals, liars, hybrid clocks, commit wait, leases,
a fleet that watches itself. Each lesson states a claim, measures it and judges it; a lesson
about what goes wrong fails if it does not go wrong. Some start processes of their own, which
they kill and stop.

Exit codes: 0 every lesson held, 1 one failed, 64 usage, 130 and 143 interrupted.`,
		Example: `  clockctl demo
  clockctl demo liar --seed 7
  clockctl demo commitwait --html pictures
  clockctl demo --list`,
	}
	for _, lesson := range demo.Lessons() {
		cmd.ValidArgs = append(cmd.ValidArgs, cobra.CompletionWithDesc(lesson.Name, lesson.Claim))
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the lessons")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of delays, losses, and what clients do")
	cmd.Flags().StringVar(&html, "html", "", "a directory for pictures of what clients saw; made if it is missing")
	cmd.Flags().BoolVar(&child, "child", false, "be a process of a lesson")
	_ = cmd.Flags().MarkHidden("child") // there is such a flag
	onlyOnCommandLine(cmd, "list", "html", "child")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if child {
			return demo.Child(cmd.Context(), s.in, s.out, args)
		}
		lessons, err := chooseLessons(args)
		if err != nil {
			return err
		}
		if list {
			return listLessons(s.out)
		}
		if cmd.Flags().Changed("html") {
			if html == "" {
				return &usageError{errors.New("--html names no directory")}
			}
			if err := os.MkdirAll(html, 0o777); err != nil {
				return &usageError{fmt.Errorf("--html: %w", err)}
			}
		}
		// A reader that goes away (`| head`) ends the story by an error of the write, and not this process on the
		// spot: there are processes to end and directories to remove.
		broken := make(chan os.Signal, 1)
		signal.Notify(broken, syscall.SIGPIPE)
		defer signal.Stop(broken)
		show := func(w io.Writer, r ntpprobe.Report) error { return writeTable(w, r, false, false) }
		err = demo.Run(cmd.Context(), demo.Options{Out: s.out, Seed: seed, HTML: html, Child: startChild, ShowReport: show}, lessons)
		if interrupted := interruption(cmd.Context()); interrupted != nil {
			return interrupted
		}
		return err
	}
	return cmd
}

// startChild runs this program again.
func startChild(ctx context.Context, args ...string) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, program, append([]string{"demo", "--child", "--"}, args...)...)
	cmd.Args[0] = os.Args[0] // by which a program of several names knows which it is
	cmd.Stderr = os.Stderr
	bind(cmd)
	return cmd
}

// chooseLessons returns the lesson that was named, or all.
func chooseLessons(args []string) ([]demo.Lesson, error) {
	lessons := demo.Lessons()
	switch len(args) {
	case 0:
		return lessons, nil
	case 1:
		var names []string
		for _, lesson := range lessons {
			if lesson.Name == args[0] {
				return []demo.Lesson{lesson}, nil
			}
			names = append(names, lesson.Name)
		}
		return nil, &usageError{fmt.Errorf("unknown lesson %q; there are %s", args[0], strings.Join(names, ", "))}
	}
	return nil, &usageError{fmt.Errorf("one lesson at a time, or none for all")}
}

func listLessons(w io.Writer) error {
	for _, lesson := range demo.Lessons() {
		if _, err := fmt.Fprintf(w, "%-15s %s\n", lesson.Name, lesson.Claim); err != nil {
			return err
		}
	}
	return nil
}
