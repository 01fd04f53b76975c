package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Limits of the worst error unless the flags say otherwise.
const (
	defaultWarning  = 50 * time.Millisecond
	defaultCritical = 500 * time.Millisecond
)

// checking is what check was asked for.
type checking struct {
	probing
	warning, critical time.Duration
	noInterval        string // critical or unknown
	from              string // the URL of a running serve
}

func newCheck(s streams, line []string) *cobra.Command {
	c := &checking{}
	cmd := &cobra.Command{
		Use:   "check -w DUR -c DUR HOST[:PORT]...",
		Short: "Tell monitoring how wrong the clock of this machine can be",
		Long: `check compares the worst error that the clock of the operating system can have, its
offset plus the uncertainty of the true time, with two limits, and prints one line with
performance data for Nagios and its relatives. Seconds; a positive offset means that
the clock is slow.

It is made to run every minute: with servers of others it makes one exchange with
each unless --samples says otherwise. Better still, --from asks a running clockctl
serve on this machine (or any other: it is the clock there that is checked).

Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: wrong usage, interrupted, no
answer from --from. Without an interval (dead servers, no quorum) it is CRITICAL, or
UNKNOWN with --no-interval unknown.`,
		Example: `  clockctl check -w 50ms -c 500ms ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl check --no-interval unknown -o json ntp1.example.net`,
	}
	f := cmd.Flags()
	f.DurationVarP(&c.warning, "warning", "w", defaultWarning, "from this error on it is a WARNING")
	f.DurationVarP(&c.critical, "critical", "c", defaultCritical, "from this error on it is CRITICAL")
	f.StringVar(&c.noInterval, "no-interval", "critical", "what it is without an interval: critical or unknown")
	f.StringVar(&c.from, "from", "", "ask a running clockctl serve at this URL (http://127.0.0.1:10123) instead of servers")
	addProbingFlags(cmd, &c.probing, "table", "json")
	sharedAs(cmd, "samples", "") // it runs every minute: what others need is too much for public servers
	f.Lookup("samples").Usage = "exchanges with each server (default 4; 1 if any is of others)"
	f.Lookup("samples").DefValue = "0"
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return c.end(s, wantsJSON(cmd, line), unknown(misuse(cmd, err)))
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		v := c.run(cmd, s, args)
		if err := interruption(cmd.Context()); err != nil {
			v = unknown(err) // half an answer is none: monitoring asks again
		}
		return c.end(s, c.output == "json", v)
	}
	return cmd
}

// run measures, or asks who does.
func (c *checking) run(cmd *cobra.Command, s streams, args []string) verdict {
	if err := cmp.Or(c.format(cmd), c.check(cmd, args)); err != nil {
		return unknown(&usageError{err})
	}
	if c.from != "" {
		seen, err := askServe(cmd.Context(), c.from, c.timeout)
		if err != nil {
			return unknown(err)
		}
		return c.judge(seen)
	}
	o, err := c.options(cmd, s, args)
	if err == nil && c.judged != nil {
		err = &usageError{errors.New("name the servers as arguments or by --targets, not both")}
	}
	if err != nil {
		return unknown(err)
	}
	o.Samples = cmp.Or(c.exchanges(cmd.Flags().Changed("samples"), o.Servers), o.Samples)
	report, err := c.measure(cmd.Context(), s, "check", o)
	if err != nil {
		return unknown(err)
	}
	return c.judge(observe(report))
}

// exchanges is 1 if a server is of others and nobody wants more, else 0.
func (c *checking) exchanges(asked bool, servers []ntpprobe.Server) int {
	if !asked && slices.ContainsFunc(servers, func(s ntpprobe.Server) bool { return !s.IsPrivate() }) {
		return 1
	}
	return 0
}

// check refuses what options does not look at.
func (c *checking) check(cmd *cobra.Command, args []string) error {
	switch {
	case c.warning <= 0 || c.critical <= 0:
		return fmt.Errorf("-w %v and -c %v must be positive", c.warning, c.critical)
	case c.warning > c.critical:
		return fmt.Errorf("-w %v is more than -c %v", c.warning, c.critical)
	case c.noInterval != "critical" && c.noInterval != "unknown":
		return fmt.Errorf("--no-interval %q is neither critical nor unknown", c.noInterval)
	case c.from == "":
		return nil
	case len(args) > 0:
		return errors.New("--from asks a running serve: name no servers")
	case c.timeout <= 0:
		return fmt.Errorf("--timeout %v is not positive", c.timeout)
	}
	for _, name := range []string{"targets", "samples", "interval", "max-faulty", "max-drift", "wander"} {
		if originOf(cmd.Flags().Lookup(name)).kind == "flag" {
			return fmt.Errorf("--from asks a running serve, which has its own --%s", name)
		}
	}
	return nil
}

// end prints the verdict and returns the error that ends with its code, or nil.
func (c *checking) end(s streams, json bool, v verdict) error {
	var err error
	if json {
		err = writeJSON(s.out, c.object(v))
	} else {
		_, err = fmt.Fprintln(s.out, c.line(v))
	}
	if err != nil {
		return &codedError{int(levelUnknown), err}
	}
	if v.level == levelOK {
		return nil
	}
	return &codedError{int(v.level), cmp.Or(v.err, errors.New(v.text))}
}
