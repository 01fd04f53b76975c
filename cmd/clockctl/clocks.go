package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/clocks"
)

// clocksFlags are those of clocks, and how it reads them.
type clocksFlags struct {
	window, watch time.Duration
	output        string
	json          bool

	read   func() (clocks.Sandwich, error)
	kernel func() kernelState
}

func newClocks(s streams) *cobra.Command {
	f := clocksFlags{read: clocks.Read, kernel: readKernelState}
	cmd := &cobra.Command{
		Use:   "clocks",
		Short: "Show every clock of this machine side by side, and watch what is done to them",
		Long: `clocks reads the clocks of this machine as good as at once, all of them between two
readings of RAW (a sandwich, whose width is told: each reading is of a moment within
it), and again after --window. The two give the rates of the clocks against each other,
with the error that the widths leave open. The kernel's state is told in words: who
keeps the wall clock, how wrong it claims to be, how it is steered.

REALTIME is the wall clock. MONOTONIC is slewed with it and never stepped. RAW is the
hardware's count, which nobody steers. BOOTTIME is MONOTONIC that runs on in suspend.
TAI is REALTIME without leap seconds, if somebody told the kernel TAI − UTC.

While it runs it looks ten times a second, and with --for that much longer: steps of the
wall clock, slews (the rate changes by more than 100 ppm) and suspends are told as they
are noticed, with their size. A process that stands still sees none. On other systems
than Linux only the wall clock and one monotonic clock can be read: a suspend shows as a
step there, and a slew does not show.

Exit codes: 0 the clocks were read, whatever was noticed, 1 they cannot be read,
64 usage, 130 and 143 interrupted.`,
		Example: `  clockctl clocks
  clockctl clocks -o wide --window 250ms
  clockctl clocks -o json
  clockctl clocks --for 2s -o ndjson`,
		Args: cobra.ArbitraryArgs, // so that -o json prints its object for them, too
	}
	cmd.Flags().DurationVar(&f.window, "window", time.Second, "time over which the rates are measured")
	cmd.Flags().DurationVar(&f.watch, "for", 0, "then watch for that long")
	cmd.Flags().StringVarP(&f.output, "output", "o", "table", "table, wide, json, ndjson")
	cmd.Flags().BoolVar(&f.json, "json", false, "short for -o json")
	onlyOnCommandLine(cmd, "for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		out := &sink{Writer: s.out}
		s := s
		s.out = out
		err := f.settle(cmd)
		if len(args) > 0 {
			err = &usageError{fmt.Errorf("clocks takes no arguments, and %q is one", args[0])}
		}
		if err == nil {
			err = f.run(cmd.Context(), s)
		}
		if object := clocksFailure(f.output, err); object != nil && !out.failed {
			err = errors.Join(err, writeJSON(s.out, object))
		}
		return errors.Join(interruption(cmd.Context()), err)
	}
	return cmd
}

// sink remembers that it could not be written to: the object of that failure could not be, either.
type sink struct {
	io.Writer
	failed bool
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.Writer.Write(b)
	s.failed = s.failed || err != nil
	return n, err
}

// settle checks the flags.
func (f *clocksFlags) settle(cmd *cobra.Command) error {
	refuse := func(format string, a ...any) error { return &usageError{fmt.Errorf(format, a...)} }
	if f.json {
		if cmd.Flags().Changed("output") && f.output != "json" {
			return refuse("--json and -o %s contradict each other", f.output)
		}
		f.output = "json"
	}
	outputs := []string{"table", "wide", "json", "ndjson"}
	switch {
	case !slices.Contains(outputs, f.output):
		return refuse("unknown output %q; use %s", f.output, strings.Join(outputs, ", "))
	case f.window < time.Millisecond || f.window > time.Hour:
		return refuse("--window %v is not from 1ms to 1h", f.window)
	case f.watch < 0:
		return refuse("--for %v is negative", f.watch)
	}
	return nil
}

// clockSurvey is what clocks has seen.
type clockSurvey struct {
	first, last clocks.Sandwich // of the window
	kernel      kernelState
	known       clocks.Judge
	events      []clocks.Event
	watched     time.Duration // by RAW
}

// run measures the rates, prints, and watches on. Events of the window come behind what it
// measured.
func (f *clocksFlags) run(ctx context.Context, s streams) error {
	v := clockSurvey{kernel: f.kernel()}
	rate := math.NaN()
	if v.kernel.err == nil {
		rate = v.kernel.Rate()
	}
	var err error
	if v.first, err = f.read(); err != nil {
		return err
	}
	v.known, _ = clocks.NewJudge(rate).Next(v.first)
	if err := v.watch(ctx, f, f.window, func(clocks.Event) error { return nil }); err != nil {
		return err
	}
	if v.last, err = f.read(); err != nil {
		return err
	}
	v.kernel = f.kernel()
	known, events := v.known.Next(v.last)
	v.known, v.events = known, append(v.events, events...)
	out := clocksPrinter{s.out, f.output}
	if err := out.survey(&v); err != nil {
		return err
	}
	for _, e := range v.events {
		if err := out.event(e); err != nil {
			return err
		}
	}
	if f.watch > 0 && interruption(ctx) == nil {
		if err := v.watch(ctx, f, f.watch, out.event); err != nil {
			return err
		}
	}
	v.watched = max(0, v.known.Last().Since(v.first))
	return out.end(&v, f.watch > 0, interruption(ctx))
}

// watch looks until a time is over, the command is interrupted, or what is noticed cannot be told.
func (v *clockSurvey) watch(ctx context.Context, f *clocksFlags, d time.Duration, notice func(clocks.Event) error) error {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var untold error
	known, err := clocks.Watch(limited, f.read, v.known, func(e clocks.Event) {
		v.events = append(v.events, e)
		if untold = errors.Join(untold, notice(e)); untold != nil {
			cancel()
		}
	})
	v.known = known
	return errors.Join(err, untold)
}
