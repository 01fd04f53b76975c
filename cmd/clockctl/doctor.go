package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/doctor"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// examined is how long the machine is watched at least, for its rates.
const examined = 300 * time.Millisecond

// examination is what doctor was asked for.
type examination struct {
	probing
	strict bool
}

func newDoctor(s streams, line []string) *cobra.Command {
	e := &examination{probing: probing{without: true}}
	cmd := &cobra.Command{
		Use:   "doctor [HOST[:PORT]...]",
		Short: "Look for what makes the clock or the interval wrong",
		Long: `doctor examines this machine: whether the kernel's clock is kept, slews, the clock
source, suspends, the virtual machine, stolen time, time daemons, chronyd's settings
and a leap second that the kernel was told of. With servers it looks at them, too: how
many and how independent they are, who does not answer or disagrees, leap seconds and
smears, and how wrong the clock is.

Each check says what was found and what the limit is and, unless it is fine, why it
matters and what to do (-o wide: always).

[ OK ] as it should be   [WARN] may make answers wrong, or weaker than they look
[FAIL] makes them wrong  [SKIP] could not be looked at

Exit codes: 0 nothing failed, 1 a check failed (with --strict: or warned), 64 usage,
130 and 143 interrupted.`,
		Example: `  clockctl doctor
  clockctl doctor ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl doctor -o json ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net`,
	}
	cmd.Flags().BoolVar(&e.strict, "strict", false, "end with 1 on a warning, too")
	addProbingFlags(cmd, &e.probing, "table", "wide", "json")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return e.failed(s, wantsJSON(cmd, line), misuse(cmd, err))
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return e.run(cmd, s, args) }
	return cmd
}

func (e *examination) run(cmd *cobra.Command, s streams, args []string) error {
	o, err := e.options(cmd, s, args)
	if err == nil && e.judged != nil {
		err = &usageError{errors.New("name the servers as arguments or by --targets, not both")}
	}
	if err != nil {
		return e.failed(s, e.output == "json", err)
	}
	checks, err := e.examine(cmd.Context(), s, o)
	if err != nil {
		return e.failed(s, e.output == "json", err)
	}
	outcome := e.outcome(checks)
	if err := interruption(cmd.Context()); err != nil {
		outcome = err
	}
	return errors.Join(outcome, e.print(s, checks, outcome))
}

// examine watches the machine, and meanwhile asks the servers.
func (e *examination) examine(ctx context.Context, s streams, o ntpprobe.MeasureOptions) ([]doctor.Check, error) {
	root := os.DirFS("/")
	before, end := doctor.Begin(root), time.After(examined)
	var tally doctor.Tally
	var report ntpprobe.Report
	if len(o.Servers) > 0 {
		var err error
		o.OnExchange = tally.Add
		if report, err = e.measure(ctx, s, "doctor", o); err != nil {
			return nil, err
		}
	}
	select {
	case <-end:
	case <-ctx.Done():
	}
	if len(o.Servers) > 0 {
		report = nowAt(report, o.Local)
	}
	machine, limits := doctor.Read(root, before), e.limits()
	checks := doctor.Local(machine, limits)
	if len(o.Servers) == 0 {
		return append(checks, doctor.NoServers(machine)...), nil
	}
	servers := doctor.Servers(machine, report, tally, limits)
	if interruption(ctx) != nil {
		servers = doctor.Unfinished(servers)
	}
	return append(checks, servers...), nil
}

// nowAt is a report moved to this moment, so that what the kernel says a moment later is compared with the
// clock as it is then: a daemon may have corrected both since.
func nowAt(r ntpprobe.Report, local truetime.LocalClock) ntpprobe.Report {
	if r.Err != nil {
		return r
	}
	if r.Instant, r.Err = ntpprobe.ReadInstant(local); r.Err == nil {
		r.Interval, r.Err = r.Instant.Interval(r.Bound)
	}
	return r
}

// limits are those of check for the wall clock, and the assumptions of the flags.
func (e *examination) limits() doctor.Limits {
	return doctor.Limits{
		DriftPPB: int64(e.maxDrift), WanderPPB: int64(min(e.wander, e.maxDrift)),
		Warning: defaultWarning, Danger: defaultCritical,
	}
}

// outcome is the error that the checks amount to, or nil.
func (e *examination) outcome(checks []doctor.Check) error {
	var failed, warned []string
	for _, c := range checks {
		switch c.Status {
		case doctor.Fail:
			failed = append(failed, c.Name)
		case doctor.Warn:
			warned = append(warned, c.Name)
		}
	}
	switch {
	case failed != nil:
		return &badAnswer{code: "check_failed", text: fmt.Sprintf("failed: %s; do what it says there", strings.Join(failed, ", "))}
	case warned != nil && e.strict:
		return &badAnswer{code: "check_warned", text: fmt.Sprintf("warned (--strict): %s; do what it says there", strings.Join(warned, ", "))}
	}
	return nil
}
