package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// recording holds the flags of record.
type recording struct {
	probing
	maxSize bytesize
	keep    int
	sync    bool
	length  time.Duration
	count   int
	note    string
}

func newRecord(s streams) *cobra.Command {
	var r recording
	cmd := &cobra.Command{
		Use:   "record FILE HOST[:PORT]...",
		Short: "Append every exchange with time servers to a file",
		Long: `record asks the servers for ever and appends what it sees to FILE, a line of JSON for
each exchange (sample: the four timestamps and what the reply said), for each interval
that follows (bound), and for what happens (event). analyze and plot read it.

It asks as a service does: a burst of -n exchanges with each server, then one
every -i, more seldom if a server is silent or asks for it, and never more often
than every 16 s if the server is not on loopback or link-local.

A line reaches the system before the next exchange is looked at, and no line is ever
changed. If record is killed the last line may be torn: readers skip it, and the
next record ends it. A full disk ends record with an error and keeps what was
written. A power cut loses what the system had not yet written to the disk, often the
last half minute; with --sync at most the last line. Two records of one FILE
exclude each other.

With --max-size FILE becomes FILE.1 when it is full, FILE.1 becomes FILE.2, and so on up
to --keep; the oldest goes. Each file stands alone. analyze and plot read those that
are named, in whatever order: FILE.2 FILE.1 FILE.

It ends with --for, --count, or a signal; then it prints what was recorded.

Exit codes: 0 recorded, also if no server answered or a signal ended it, 1 FILE is there
and no recording, or cannot be written, 64 usage.`,
		Example: `  clockctl record --count 12 -i 100ms drift.ndjson ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net
  clockctl record --for 1s --max-size 10MB --keep 3 drift.ndjson ntp1.example.net ntp2.example.net ntp3.example.net`,
	}
	addProbingFlags(cmd, &r.probing, "table", "json")
	f := cmd.Flags()
	f.Lookup("samples").Usage = "exchanges with each server at the beginning, at most 16"
	f.Lookup("interval").Usage = "regular pause between two exchanges with one server (default 64s); public servers: at least 16s"
	f.Lookup("targets").Usage = "file with one HOST[:PORT] a line (-: standard input): the servers"
	f.Var(&r.maxSize, "max-size", "begin a new file before FILE exceeds this, such as 10MB (default: never)")
	f.IntVar(&r.keep, "keep", 5, "how many full files stay, FILE.1 the newest")
	f.BoolVar(&r.sync, "sync", false, "wait until each line is on the disk, for a machine that may lose power")
	f.DurationVar(&r.length, "for", 0, "end after this time (default: never)")
	f.IntVar(&r.count, "count", 0, "end after this many exchanges, those of all servers counted (default: never)")
	f.StringVar(&r.note, "note", "", "said at the start of each session: which machine, which experiment")
	onlyOnCommandLine(cmd, "for", "count", "sync")
	sharedAs(cmd, "samples", "") // a service asks otherwise than a command that ends
	sharedAs(cmd, "interval", "")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runRecord(cmd, s, &r, args) }
	return cmd
}

func runRecord(cmd *cobra.Command, s streams, r *recording, args []string) error {
	var sum recordedJSON
	err := r.record(cmd, s, args, &sum)
	if r.output != "json" {
		if err == nil {
			_, err = fmt.Fprintf(s.out, "%s: %d samples (%d refused), %d bounds, %d events\n", sum.File, sum.Samples, sum.Refused, sum.Bounds, sum.Events)
		}
		return err
	}
	sum.Schema, sum.Error = schema, failure(err)
	return errors.Join(err, writeJSON(s.out, sum))
}

// recordedJSON is the object of record.
type recordedJSON struct {
	Schema  string     `json:"schema"`
	File    string     `json:"file"`
	Samples int        `json:"samples"`
	Refused int        `json:"refused"`
	Bounds  int        `json:"bounds"`
	Events  int        `json:"events"`
	Error   *errorJSON `json:"error,omitempty"`
}

func (r *recording) record(cmd *cobra.Command, s streams, args []string, sum *recordedJSON) error {
	if err := r.format(cmd); err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return &usageError{errors.New("no file given; name it before the servers: clockctl record drift.ndjson ntp1.example.net …")}
	case args[0] == "-":
		return &usageError{errors.New("- is no file to append to; clockctl watch -o ndjson prints what happens")}
	case r.keep < 1 || r.keep > 1000:
		return &usageError{fmt.Errorf("--keep %d is not from 1 to 1000", r.keep)}
	case r.length < 0 || r.length == 0 && cmd.Flags().Changed("for"):
		return &usageError{fmt.Errorf("--for %v is not positive", r.length)}
	case r.count < 0 || r.count == 0 && cmd.Flags().Changed("count"):
		return &usageError{fmt.Errorf("--count %d is not positive", r.count)}
	case r.samples > 16:
		return &usageError{fmt.Errorf("--samples %d is more than 16, the longest burst", r.samples)}
	}
	sum.File = args[0]
	o, err := r.options(cmd, s, args[1:])
	if err != nil {
		return err
	}
	if r.judged != nil {
		return &usageError{errors.New("name the servers as arguments or by --targets, not both")}
	}
	return r.run(cmd.Context(), s, o, sum)
}

// errEnough ends a recording that --for or --count limits.
var errEnough = errors.New("enough is recorded")

// run records until it is told to end.
func (r *recording) run(ctx context.Context, s streams, o ntpprobe.MeasureOptions, sum *recordedJSON) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rec := &recorder{local: o.Local, note: cmp.Or(r.note, "clockctl record"), sum: sum, limit: r.count, end: cancel, progress: newProgress(s, r.quiet, "record", "exchanges", r.count)}
	prober, err := ntpprobe.New(ntpprobe.Config{Servers: o.Servers, Local: o.Local, Assumptions: o.Assumptions, Poll: r.poll(), OnExchange: rec.exchange})
	if err != nil {
		return err
	}
	if err := rec.open(sum.File, record.Options{MaxSize: int64(r.maxSize), Keep: r.keep, Sync: r.sync}, o); err != nil {
		return cannotWrite(sum.File, err)
	}
	if r.length > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, r.length, errEnough)
		defer stop()
	}
	_ = prober.Run(ctx, rec.publish) // why it ended is in rec
	rec.progress.erase()
	for _, text := range sharedDomains(prober.Sources()) {
		fmt.Fprintf(s.err, "clockctl: record: warning: %s\n", text)
	}
	if err := rec.close(); err != nil {
		return cannotWrite(sum.File, err)
	}
	return nil
}

// poll is the policy that the flags ask for.
func (r *recording) poll() ntpprobe.PollPolicy {
	p := ntpprobe.PollPolicy{Burst: r.samples, Timeout: r.timeout}
	if r.interval > 0 {
		p.MinPoll, p.MaxPoll, p.BurstInterval = r.interval, max(r.interval, 1024*time.Second), min(r.interval, 2*time.Second)
	}
	return p
}

func cannotWrite(file string, err error) error {
	text := fmt.Sprintf("cannot record to %s: %s", file, firstLine(err))
	switch {
	case errors.Is(err, record.ErrLocked):
		return &badAnswer{code: "locked", err: err, text: text + "; choose another file"}
	case errors.Is(err, record.ErrForeign):
		return &badAnswer{code: "foreign", err: err, text: text + "; name a new file before the servers"}
	}
	return &badAnswer{code: "write", err: err, text: text + "; what was written before is kept"}
}

// recorder turns what a prober sees into lines. The prober calls it from one goroutine.
type recorder struct {
	local    truetime.LocalClock
	note     string
	clock    *truetime.Clock // says the status
	session  *record.Session
	file     *record.File
	sum      *recordedJSON
	limit    int // exchanges; 0: none
	end      context.CancelCauseFunc
	progress *progress
	status   truetime.State
	err      error // the first
}

func (r *recorder) open(path string, options record.Options, o ntpprobe.MeasureOptions) error {
	at, err := ntpprobe.ReadInstant(o.Local)
	if err != nil {
		return err
	}
	faulty := o.Assumptions.Faulty
	switch faulty {
	case 0:
		faulty = ntpprobe.DefaultFaulty(ntpprobe.Domains(o.Servers))
	case ntpprobe.FaultyNone:
		faulty = 0
	}
	r.session = record.NewSession(at, r.note, o.Servers, faulty, o.Assumptions.DriftPPB, o.Assumptions.WanderPPB)
	r.clock = truetime.New(o.Local, truetime.Options{})
	r.status = r.clock.Status().State
	r.sum.Events++
	r.file, err = record.Open(path, options, r.session.Start)
	return err
}

// write appends what line makes of this moment.
func (r *recorder) write(count *int, line func(ntpprobe.Instant) (any, error)) {
	if r.err != nil {
		return
	}
	at, err := ntpprobe.ReadInstant(r.local)
	if err != nil {
		return // the status says so
	}
	text, err := line(at)
	if err != nil {
		return // the bound says nothing at this moment
	}
	if r.err = r.file.Append(text); r.err != nil {
		r.end(r.err)
		return
	}
	*count++
}

func (r *recorder) exchange(x ntpprobe.Exchange) {
	if r.full() {
		return // several may come at once
	}
	r.write(&r.sum.Samples, func(at ntpprobe.Instant) (any, error) { return r.session.Sample(at, x), nil })
	if x.Err != nil {
		r.sum.Refused++
	}
	r.progress.step()
	if r.full() {
		r.end(errEnough)
	}
}

func (r *recorder) full() bool { return r.limit > 0 && r.sum.Samples >= r.limit }

// publish is told what followed.
func (r *recorder) publish(b truetime.Bound, reason error) error {
	err := r.clock.Update(b, reason)
	if reason == nil && err == nil {
		r.write(&r.sum.Bounds, func(at ntpprobe.Instant) (any, error) { return r.session.Bound(at, b) })
	}
	if status := r.clock.Status().State; status != r.status {
		r.status = status
		r.event(record.EventStatus, errors.Join(reason, err))
	}
	return err
}

func (r *recorder) event(name string, why error) {
	r.write(&r.sum.Events, func(at ntpprobe.Instant) (any, error) {
		return r.session.Event(at, name, r.status.String(), why), nil
	})
}

// close ends the session.
func (r *recorder) close() error {
	r.event(record.EventStop, nil)
	return errors.Join(r.err, r.file.Close())
}
