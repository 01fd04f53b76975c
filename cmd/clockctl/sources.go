package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/chronyc"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

func newSources(s streams) *cobra.Command {
	p := probing{without: true}
	var socket, address string
	cmd := &cobra.Command{
		Use:   "sources [HOST[:PORT]...]",
		Short: "Show what the chronyd of this machine thinks, beside our own interval",
		Long: `sources asks the local chronyd, by the protocol of chronyc, whom it follows, what it
thinks of each of its sources, and within which interval it believes the true time to
be. With servers named or configured it measures them as probe does and says whether
chronyd's interval and ours overlap: if they do not, one of them is wrong.

Offsets are reference − local, the other sign than in chronyc sources; "slow" means
that the wall clock is behind. They are of the wall clock as programs read it, and not
of chronyd's corrected one. Its interval is that clock, corrected by what chronyd has
still to slew, ± (root delay / 2 + root dispersion); its bound of the error adds that
correction. A source's interval is as its last measurement left it, aged since. chronyd
that serves its own clock (directive local) claims no interval.

State:  * selected   + combined   - not combined   ? unusable
        x falseticker   ~ too variable
OURS says whether the source's interval meets ours.

Asked is --socket, or --address, or else the first that answers: the unix socket in
/run/chrony, which root and chronyd's user may open, and UDP port 323 of 127.0.0.1 and
::1. All of this can be read over UDP, but why a source is not selected: that needs the
unix socket. Nothing of chronyd is changed.

Exit codes: 0 chronyd answers and its interval and ours overlap, if servers are named,
1 it does not answer, is not synchronized, they do not overlap or there is none of
ours, 64 usage, 130 and 143 interrupted.`,
		Example: `  clockctl sources
  clockctl sources ntp1.example.net ntp2.example.net ntp3.example.net
  clockctl sources --socket /run/chrony/chronyd.sock
  clockctl sources --address 127.0.0.1:323 -o json`,
	}
	addProbingFlags(cmd, &p, "table", "json")
	cmd.Flags().StringVar(&socket, "socket", "", "chronyd's unix socket")
	cmd.Flags().StringVar(&address, "address", "", "HOST[:PORT] of this machine on which chronyd answers, port 323 if absent")
	sharedAs(cmd, "socket", "") // names that would mean something else elsewhere
	sharedAs(cmd, "address", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := p.options(cmd, s, args)
		switch {
		case err == nil && p.judged != nil:
			err = &usageError{errors.New("name the servers as arguments or by --targets, not both")}
		case err == nil && socket != "" && address != "":
			err = &usageError{errors.New("--socket and --address are two ways to one daemon; name one of them")}
		case err == nil && (cmd.Flags().Changed("socket") && socket == "" || cmd.Flags().Changed("address") && address == ""):
			err = &usageError{errors.New("--socket and --address cannot be empty")}
		}
		v := view{}
		if err == nil {
			v, err = p.look(cmd.Context(), s, o, chronyc.Options{Socket: socket, Address: address, Timeout: p.timeout})
		}
		stopped := interruption(cmd.Context())
		return errors.Join(printView(s, &p, v, cmp.Or(stopped, err)), stopped, err)
	}
	return cmd
}

// view is chronyd's account and ours, at one instant.
type view struct {
	at      ntpprobe.Instant
	where   string // how chronyd was reached; "" if it was not
	chronyd chronyc.Report
	blur    int64 // ns by which the wall clock may have been slewed against chronyd's account since

	claim *truetime.Interval // chronyd's; nil if it claims none
	ours  *ntpprobe.Report   // nil without servers
	own   *truetime.Interval // our interval at that instant, nil if there is none

	kernel kernelState
}

// look asks chronyd and, if there are any, the servers. The error is that of the answer:
// what is known is in the view all the same.
func (p *probing) look(ctx context.Context, s streams, o ntpprobe.MeasureOptions, c chronyc.Options) (view, error) {
	v := view{kernel: readKernelState()}
	daemon, err := chronyc.Reach(ctx, c) // before a packet leaves for one that is not there
	if err != nil {
		return v, unreached(err)
	}
	_ = daemon.Close() // while the servers are asked no socket of ours lies beside its own
	if len(o.Servers) > 0 {
		report, err := p.measure(ctx, s, "sources", o)
		if err != nil {
			return v, err
		}
		v.ours = &report
	}
	ctx, cancel := outlive(ctx, epilogue)
	defer cancel()
	return v, v.consult(ctx, o.Local, c)
}

// epilogue is how long an interrupted command may still ask chronyd: what is known of the servers is
// worth that much.
const epilogue = 500 * time.Millisecond

// outlive returns a context that ends that much later than its parent, for the same cause.
func outlive(parent context.Context, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(d, func() { cancel(context.Cause(parent)) }) })
	return ctx, func() { stop(); cancel(nil) }
}

// consult asks chronyd for everything, and compares it with what the servers said.
func (v *view) consult(ctx context.Context, local truetime.LocalClock, c chronyc.Options) error {
	daemon, err := chronyc.Reach(ctx, c)
	if err != nil {
		return unreached(err)
	}
	defer daemon.Close()
	var before ntpprobe.Instant
	report, err := daemon.Report(ctx, func() (err error) { before, err = ntpprobe.ReadInstant(local); return err })
	switch {
	case interruption(ctx) != nil:
		return interruption(ctx)
	case err != nil:
		return &badAnswer{code: "daemon", err: err, text: firstLine(err) + "; look into chronyd's log"}
	}
	if v.at, err = ntpprobe.ReadInstant(local); err != nil {
		return err
	}
	if before.Before.Epoch != v.at.After.Epoch || jumped(before, v.at) {
		return &badAnswer{code: "disrupted", text: "the clocks were disrupted while chronyd answered; try again"}
	}
	v.where, v.chronyd, v.kernel = daemon.Where, report, readKernelState()
	return v.compare(v.at.After.Nanos - before.Before.Nanos)
}

// jumped reports whether the wall clock was set between two instants: no slew explains how far it moved.
func jumped(first, last ntpprobe.Instant) bool {
	moved := int64(last.Wall.Sub(first.Wall))
	least, most := last.Before.Nanos-first.After.Nanos, last.After.Nanos-first.Before.Nanos
	return moved < least-most/4-1 || moved > most+most/4+1
}

// unreached says what to do if no daemon answers.
func unreached(err error) error {
	var none *chronyc.NoDaemonError
	var address *net.AddrError
	switch {
	case errors.As(err, &none):
		return &badAnswer{code: "no_daemon", err: err, text: firstLine(err) + "; start chronyd, or name its --socket (root or chronyd's user may open it) or its --address (cmdport and cmdallow in its configuration)"}
	case errors.As(err, new(*chronyc.NotLocalError)), errors.As(err, &address):
		return &usageError{fmt.Errorf("--address: %s", firstLine(err))}
	}
	return err
}

// compare works out both intervals and judges. elapsed is the local time since chronyd's account
// can have been made. Since then the wall clock and chronyd's correction have moved apart as
// it slews, by an eighth of that at most, and a quarter is allowed for.
func (v *view) compare(elapsed int64) error {
	v.blur = elapsed/4 + 1
	var unclaimed error
	switch v.chronyd.State {
	case chronyc.Synchronized:
		claim, err := v.around(int64(v.chronyd.Offset), int64(v.chronyd.Distance()))
		if err != nil {
			return err
		}
		v.claim = &claim
	case chronyc.Local:
		unclaimed = &badAnswer{code: "unsynchronized", text: "chronyd serves its own clock as if it were a reference (directive local), and claims no error; give it servers"}
	default:
		unclaimed = &badAnswer{code: "unsynchronized", text: "chronyd is not synchronized: no source that it believes; see the state of each, and chronyc activity"}
	}
	if v.ours == nil {
		return unclaimed
	}
	if err := judge(*v.ours); err != nil {
		return err
	}
	own, err := v.at.Interval(v.ours.Bound)
	if err != nil {
		return judge(ntpprobe.Report{Err: err})
	}
	v.own = &own
	if v.claim != nil && !v.claim.Overlaps(own) {
		return &badAnswer{code: "disjoint", text: fmt.Sprintf("chronyd's interval and ours do not overlap, %s apart: one of them is wrong; compare the sources above with probe -o wide", humanDuration(downward(apart(*v.claim, own))))}
	}
	return unclaimed
}

// around is the interval of the moments within distance of wall clock + offset.
func (v *view) around(offset, distance int64) (truetime.Interval, error) {
	middle := v.at.Wall.UnixNano() + offset
	return truetime.NewInterval(middle-distance-v.blur, middle+distance+v.blur)
}
