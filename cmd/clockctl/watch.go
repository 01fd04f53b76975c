package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
)

// watchFlags are those that watch has beside the probing flags.
type watchFlags struct {
	length time.Duration // 0: no end
	count  int           // 0: no end
}

func newWatch(s streams) *cobra.Command {
	var p probing
	var w watchFlags
	cmd := &cobra.Command{
		Use:   "watch HOST[:PORT]...",
		Short: "Keep asking time servers and show the interval live",
		Long: `watch keeps asking the servers and shows on a terminal the interval of the true time,
the offset and its error over time, the rate of the local clock, how the error would
grow in holdover (if nobody answered any more), and a row per server. It redraws when
the terminal changes its size; q, Ctrl-C or Ctrl-D end it, Ctrl-Z stops it, Ctrl-L
draws again.

Where TERM is dumb, or -o table goes elsewhere than to a terminal, it prints a line
per update instead. Not on a terminal it prints one JSON object per update (ndjson),
and ends quietly when nobody reads it any more. The first update comes when every
server was asked once.

-n is the number of quick exchanges at the start, at most 16, and -i the pause between
two updates and two exchanges with one server (default 2s, 1s if all servers are
loopback, link-local or private). A public server is never asked more often than every 16s,
after at most four quick exchanges, and one that does not answer ever more rarely.
An interval is used for two hours after its samples at most, which makes --wander an
assumption about three hours (one of samples and these two).

State:  * agreed   x falseticker, disproved by the others
        ! rejected, replies came and none was usable   ? unreachable
Reach:  usable replies in the last 8 exchanges.
Plot:   offset = reference − local, from one end of the interval to the other; the
        line inside is the middle, the dashed one zero.

The terminal is restored whatever ends watch, be it a crash or SIGKILL: a second process
of it waits for that. Windows has none: after a crash there type reset.

Exit codes: 0 interrupted or ended with an interval, 1 ended by --for or --count
without one, 64 usage.`,
		Example: `  clockctl watch --count 2 ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl watch --for 1s -i 100ms -o ndjson ntp1.example.net ntp2.example.net ntp3.example.net`,
	}
	addProbingFlags(cmd, &p, "table", "ndjson")
	f := cmd.Flags()
	f.Lookup("samples").Usage = "quick exchanges with each server at the start, at most 16"
	f.Lookup("interval").Usage = "pause between two updates, and two exchanges with one server (default 2s; 1s if all are loopback, link-local or private)"
	f.Lookup("json").Usage = "short for -o ndjson"
	f.Lookup("output").Usage = "table, ndjson (default ndjson if not on a terminal)"
	f.DurationVar(&w.length, "for", 0, "end after this time (default: never)")
	f.IntVar(&w.count, "count", 0, "end after so many updates (default: never)")
	onlyOnCommandLine(cmd, "for", "count")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runWatch(cmd, s, &p, w, args) }
	return cmd
}

func runWatch(cmd *cobra.Command, s streams, p *probing, w watchFlags, args []string) error {
	output := cmd.Flags().Changed("output")
	if p.json && (!output || p.output == "ndjson") || !s.outTTY && !output {
		p.output, p.json = "ndjson", false // there is no end at which one object could be printed
	}
	o, err := p.options(cmd, s, args)
	if err == nil {
		err = w.check(cmd, p)
	}
	if err != nil {
		return failed(s, cmd, p, err)
	}
	c := p.watchConfig(o)
	session, err := newWatchSession(c, pauseOf(c))
	if err != nil {
		return failed(s, cmd, p, err)
	}
	display, err := p.display(s)
	if err != nil {
		return err
	}
	return watch(cmd.Context(), session, display, w)
}

// check refuses what Prober cannot do, and an end before the beginning.
func (w watchFlags) check(cmd *cobra.Command, p *probing) error {
	set := cmd.Flags().Changed
	switch {
	case p.judged != nil:
		return &usageError{errors.New("name the servers as arguments or by --targets, not both; to measure targets against servers use clockctl probe")}
	case p.samples > 16:
		return &usageError{fmt.Errorf("--samples %d is not from 1 to 16", p.samples)}
	case w.length < 0 || w.length == 0 && set("for"):
		return &usageError{fmt.Errorf("--for %v is not positive", w.length)}
	case w.count < 0 || w.count == 0 && set("count"):
		return &usageError{fmt.Errorf("--count %d is not positive", w.count)}
	}
	return nil
}

// longestHoldover is how long an interval of watch is used after its samples: long
// enough for a forecast of an hour from any moment between two of them.
const longestHoldover = 2 * time.Hour

// watchConfig turns the options of Measure into those of a prober. The floor for public servers
// is the prober's own.
func (p *probing) watchConfig(o ntpprobe.MeasureOptions) ntpprobe.Config {
	c := ntpprobe.Config{Servers: o.Servers, Local: o.Local, Assumptions: o.Assumptions}
	c.Assumptions.MaxAge = longestHoldover
	private := true
	for _, server := range o.Servers {
		private = private && server.IsPrivate()
	}
	pause := o.Interval
	switch {
	case pause == 0 && private:
		pause = time.Second
	case pause == 0:
		pause = 2 * time.Second
	}
	c.Poll = ntpprobe.PollPolicy{MinPoll: pause, BurstInterval: pause, MaxPoll: max(pause, 1024*time.Second), Timeout: p.timeout, Burst: p.samples}
	if private {
		c.Poll.MaxPoll = max(pause, 16*time.Second) // one's own that comes back is seen soon
	}
	return c
}

// pauseOf is the time between two updates.
func pauseOf(c ntpprobe.Config) time.Duration { return c.Poll.BurstInterval }
