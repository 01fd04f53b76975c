package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/allan"
	"github.com/trueclock/trueclock/internal/chronylog"
	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/internal/replay"
	"github.com/trueclock/trueclock/ntpprobe"
)

// trace is a series of offsets with their errors, from a recording or a log.
type trace struct {
	name   string
	kind   string // replay, or that of a log
	points []tracePoint
	steady []allan.Sample // what fit and Allan deviation are made of: one stretch of one clock
	from   time.Time      // when steady begins
	steps  int            // how often the wall clock was certainly set
	made   string         // by what; "" if unknown
	clock  string         // of a replay: whose offsets

	assume     *ntpprobe.Assumptions // of a replay
	replay     *replay.Result
	regression *regression // of a statistics log, which has no error bounds
}

// tracePoint is true time less a clock.
type tracePoint struct {
	at      time.Time // by true time, as far as it is known
	piece   int       // between two nothing is known
	stretch int       // in which the clock ran on, in one epoch and without being set
	began   string    // why a stretch other than the first begins here; else ""
	offset  time.Duration
	half    time.Duration
}

// regression is what chronyd's statistics say: estimates, not bounds.
type regression struct {
	deviation  time.Duration // of the offsets, the median
	rate, skew float64       // the last
}

// tracing holds the flags of analyze and plot.
type tracing struct {
	maxFaulty int
	maxDrift  ppb
	wander    ppb
	clock     string

	faultySet, driftSet, wanderSet bool
}

// read reads the files, in whatever order, and replays the recordings.
func (t *tracing) read(s streams, command string, files []string) ([]trace, error) {
	skipped := &skippedLines{to: s.err, command: command}
	recordings, traces := record.Reader{Warn: skipped.warn}, []trace(nil)
	for _, file := range files {
		log, err := readTrace(s, file, &recordings, skipped.warn)
		skipped.end(file)
		if usage := new(usageError); errors.As(err, &usage) {
			return nil, err
		} else if err != nil {
			return nil, &badAnswer{code: "read", err: err, text: firstLine(err)}
		}
		if log != nil && t.clock == "local" {
			return nil, &usageError{fmt.Errorf("%s: chrony's logs know only the wall clock; leave out --clock local", file)}
		}
		traces = append(traces, logged(file, log)...)
	}
	run := 0
	for _, r := range recordings.Recordings() {
		replayed, err := t.replay(r, run)
		if err != nil {
			return nil, err
		}
		run += replayed.replay.Runs()
		traces = append(traces, replayed)
	}
	return traces, nil
}

// mostWarnings are printed of one file: what is no recording at all has many lines.
const mostWarnings = 5

// skippedLines warns of the first lines of a file that are skipped, and counts the others.
type skippedLines struct {
	to      io.Writer
	command string
	count   int
}

func (l *skippedLines) warn(file string, line int, why string) {
	if l.count++; l.count <= mostWarnings {
		fmt.Fprintf(l.to, "clockctl: %s: warning: %s:%d: skipped: %s\n", l.command, file, line, why)
	}
}

func (l *skippedLines) end(file string) {
	if more := l.count - mostWarnings; more > 0 {
		fmt.Fprintf(l.to, "clockctl: %s: warning: %s: %d more lines skipped\n", l.command, file, more)
	}
	l.count = 0
}

// readTrace reads one file into recordings, or returns the log that it is.
func readTrace(s streams, file string, recordings *record.Reader, warn func(string, int, string)) (*chronylog.Log, error) {
	var from io.Reader = s.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, &usageError{err}
		}
		defer f.Close()
		from = f
	}
	in := bufio.NewReader(from)
	start, err := in.Peek(64)
	if len(start) == 0 && errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty", file)
	}
	if strings.HasPrefix(string(start), "\x1f\x8b") {
		return nil, fmt.Errorf("%s is compressed; pipe it: gunzip -c %s | clockctl analyze -", file, file)
	}
	if !chronylog.IsHeader(string(start)) {
		return nil, recordings.Read(file, in)
	}
	log, err := chronylog.Read(in, func(line int, why string) { warn(file, line, why) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &log, nil
}

// logged makes a trace of each source of a measurements or statistics log, and one of a
// tracking log.
func logged(file string, log *chronylog.Log) []trace {
	if log == nil {
		return nil
	}
	if log.Kind == chronylog.Tracking {
		return []trace{loggedTrace(file, log.Kind, log.Points)}
	}
	sources, order := map[string][]chronylog.Point{}, []string(nil)
	for _, p := range log.Points {
		if sources[p.Source] == nil {
			order = append(order, p.Source)
		}
		sources[p.Source] = append(sources[p.Source], p)
	}
	slices.Sort(order)
	traces := make([]trace, len(order))
	for i, source := range order {
		traces[i] = loggedTrace(source, log.Kind, sources[source])
	}
	return traces
}

func loggedTrace(name string, kind chronylog.Kind, points []chronylog.Point) trace {
	tr := trace{name: name, kind: string(kind)}
	var deviations []time.Duration
	for _, p := range points {
		tr.points = append(tr.points, tracePoint{at: p.At, offset: p.Offset, half: p.Half})
		tr.steady = append(tr.steady, allan.Sample{At: p.At.Sub(points[0].At), Offset: p.Offset.Seconds()})
		deviations = append(deviations, p.Deviation)
	}
	if len(points) == 0 {
		return tr
	}
	tr.from = points[0].At
	if last := points[len(points)-1]; !kind.Bounded() {
		tr.regression = &regression{deviation: replay.QuantilesOf(deviations).P50, rate: last.Rate, skew: last.Skew}
	}
	return tr
}

// halves are the half widths of all points, none if they are not known.
func (tr trace) halves() []time.Duration {
	if tr.regression != nil {
		return nil
	}
	halves := make([]time.Duration, len(tr.points))
	for i, p := range tr.points {
		halves[i] = p.half
	}
	return halves
}

// allan is the deviation of the trace's clock.
func (tr trace) allan() []allan.Point { return allan.Octaves(allan.Even(tr.steady)) }
