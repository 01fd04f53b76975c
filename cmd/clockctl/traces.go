package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
	kind   string // replay, measurements, tracking
	points []tracePoint
	steady []allan.Sample // what fit and Allan deviation are made of: one clock, no gap of it
	made   string         // by what; "" if unknown

	assume *ntpprobe.Assumptions // of a replay
	replay *replay.Result
}

// tracePoint is true time less a clock.
type tracePoint struct {
	at     time.Time
	run    int // no line is drawn from one to another
	offset time.Duration
	half   time.Duration
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
	warn := func(file string, line int, why string) {
		fmt.Fprintf(s.err, "clockctl: %s: warning: %s:%d: skipped: %s\n", command, file, line, why)
	}
	recordings, traces := record.Reader{Warn: warn}, []trace(nil)
	for _, file := range files {
		log, err := readTrace(s, file, &recordings, warn)
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
	if !chronylog.IsHeader(string(start)) {
		return nil, recordings.Read(file, in)
	}
	log, err := chronylog.Read(in, func(line int, why string) { warn(file, line, why) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &log, nil
}

// logged makes a trace of each source of a measurements log, and one of a tracking log.
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
	for _, p := range points {
		tr.points = append(tr.points, tracePoint{at: p.At, offset: p.Offset, half: p.Half})
		tr.steady = append(tr.steady, allan.Sample{At: p.At.Sub(points[0].At), Offset: p.Offset.Seconds()})
	}
	return tr
}

// assumptions are those of the recording, but for what the flags say.
func (t *tracing) assumptions(r record.Recording) ntpprobe.Assumptions {
	a := ntpprobe.Assumptions{Faulty: r.Faulty, DriftPPB: r.DriftPPB, WanderPPB: r.WanderPPB}
	if t.faultySet {
		a.Faulty = t.maxFaulty
	}
	if t.driftSet {
		a.DriftPPB = int64(t.maxDrift)
	}
	if t.wanderSet {
		a.WanderPPB = int64(t.wander)
	}
	if a.Faulty == 0 {
		a.Faulty = ntpprobe.FaultyNone
	}
	if !t.wanderSet {
		a.WanderPPB = min(a.WanderPPB, a.DriftPPB)
	}
	return a
}

// replay makes a trace of a recording, of the wall clock or the local one.
func (t *tracing) replay(r record.Recording, run int) (trace, error) {
	assume := t.assumptions(r)
	result, err := replay.Run(r, assume, run)
	if err != nil {
		return trace{}, err
	}
	tr := trace{name: jsonTime(r.Start), kind: "replay", made: r.MadeBy, assume: &assume, replay: &result}
	local := t.clock == "local"
	longest := longestRun(result.Looks)
	var first *replay.Look
	for i, l := range result.Looks {
		if !l.Known || local && l.Run != longest {
			continue
		}
		if first == nil {
			first = &result.Looks[i]
		}
		p := tracePoint{at: l.Wall, run: l.Run, offset: l.Offset(), half: l.Interval.Uncertainty()}
		at := l.Wall.Sub(first.Wall)
		if local {
			p.offset, at = time.Duration(l.LocalOffset()-first.LocalOffset()), time.Duration(l.Local-first.Local)
			p.at = first.Wall.Add(at)
		}
		tr.points = append(tr.points, p)
		if l.Run == longest {
			tr.steady = append(tr.steady, allan.Sample{At: at, Offset: p.offset.Seconds()})
		}
	}
	return tr, nil
}

// longestRun is the run with the most looks that know the time.
func longestRun(looks []replay.Look) int {
	counts := map[int]int{}
	longest := -1
	for _, l := range looks {
		if l.Known {
			counts[l.Run]++
			if longest < 0 || counts[l.Run] > counts[longest] {
				longest = l.Run
			}
		}
	}
	return longest
}

// halves are the half widths of all points.
func (tr trace) halves() []time.Duration {
	halves := make([]time.Duration, len(tr.points))
	for i, p := range tr.points {
		halves[i] = p.half
	}
	return halves
}

// allan is the deviation of the trace's clock.
func (tr trace) allan() []allan.Point { return allan.Octaves(allan.Even(tr.steady)) }
