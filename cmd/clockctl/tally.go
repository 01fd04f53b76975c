package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// tally sums up a survey in little memory, however many targets there are.
type tally struct {
	options ntpprobe.MeasureOptions
	began   time.Time
	took    time.Duration

	states  map[ntpprobe.SourceState]int
	samples int
	within  []int // targets by decade of their distance from the middle of the interval
	beyond  int

	furthest *ntpprobe.SourceStatus
	ahead    time.Duration // of the interval's middle
}

// decades end the classes of the distances.
var decades = []struct {
	most time.Duration
	name string
}{
	{10 * time.Microsecond, "10 µs"}, {100 * time.Microsecond, "100 µs"}, {time.Millisecond, "1 ms"}, {10 * time.Millisecond, "10 ms"},
	{100 * time.Millisecond, "100 ms"}, {time.Second, "1 s"}, {10 * time.Second, "10 s"},
}

func newTally(o ntpprobe.MeasureOptions) *tally {
	return &tally{options: o, began: time.Now(), states: map[ntpprobe.SourceState]int{}, within: make([]int, len(decades))}
}

// add counts a target; local is how slow the wall clock is by the interval.
func (t *tally) add(s ntpprobe.SourceStatus, local time.Duration) {
	t.states[s.State]++
	t.samples += s.Samples
	if s.Estimate == nil {
		return
	}
	ahead := s.Estimate.Offset - local // the wall clock cancels out
	t.class(ahead.Abs())
	if t.furthest == nil || ahead.Abs() > t.ahead.Abs() {
		t.furthest, t.ahead = &s, ahead
	}
}

func (t *tally) class(distance time.Duration) {
	for i, decade := range decades {
		if distance <= decade.most {
			t.within[i]++
			return
		}
	}
	t.beyond++
}

func (t *tally) asked() (n int) {
	for _, count := range t.states {
		n += count
	}
	return n
}

// limit is the longest that the survey can take: every target of every batch silent. More than a
// duration can hold is the longest one.
func (t *tally) limit() time.Duration {
	o := t.options
	each := float64(o.Samples)*float64(o.Timeout) + float64(o.Samples-1)*float64(o.Interval)
	batches := (len(o.Servers) + ntpprobe.DefaultConcurrency - 1) / ntpprobe.DefaultConcurrency
	if most := float64(batches) * each; most < math.MaxInt64 {
		return time.Duration(most)
	}
	return math.MaxInt64
}

// write prints the sums for people.
func (t *tally) write(w io.Writer) error {
	missing := ""
	if asked := t.asked(); asked < len(t.options.Servers) {
		missing = fmt.Sprintf("%d of %d: ", asked, len(t.options.Servers))
	}
	fmt.Fprintf(w, "targets      %s%d agree with the interval, %d are outside, %d gave nothing usable, %d were not reached; %d samples\n",
		missing, t.states[ntpprobe.Agreed], t.states[ntpprobe.Falseticker], t.states[ntpprobe.Rejected], t.states[ntpprobe.Unreachable], t.samples)
	if t.furthest != nil {
		fmt.Fprintf(w, "distances    %s from the middle of the interval\n", t.distances())
		fmt.Fprintf(w, "furthest     %s, %s, ±%s\n", canonical(t.furthest.Server), humanAhead(t.ahead), humanBound(t.furthest.Estimate.ErrorBound))
	}
	_, err := fmt.Fprintf(w, "time         %s of at most %s, %d targets at a time\n", humanDuration(t.took), humanDuration(t.limit()), ntpprobe.DefaultConcurrency)
	return err
}

// distances are the classes that have somebody in them.
func (t *tally) distances() string {
	var classes []string
	for i, n := range t.within {
		if n > 0 {
			classes = append(classes, fmt.Sprintf("%d up to %s", n, decades[i].name))
		}
	}
	if t.beyond > 0 {
		classes = append(classes, fmt.Sprintf("%d more than %s", t.beyond, decades[len(decades)-1].name))
	}
	return strings.Join(classes, ", ")
}

// humanAhead says where another clock is.
func humanAhead(ahead time.Duration) string {
	switch {
	case ahead > 0:
		return humanDuration(ahead) + " ahead"
	case ahead < 0:
		return humanDuration(-ahead) + " behind"
	}
	return "0 ns ahead"
}

// summaryJSON is the last line of ndjson where there are targets.
type summaryJSON struct {
	Schema      string        `json:"schema"`
	Type        string        `json:"type"`
	Targets     int           `json:"targets"` // that were named; the states say how many were asked
	Agreed      int           `json:"agreed"`
	Falseticker int           `json:"falseticker"`
	Rejected    int           `json:"rejected"`
	Unreachable int           `json:"unreachable"`
	Samples     int           `json:"samples"`
	Took        int64         `json:"took_ns"`
	Limit       int64         `json:"limit_ns"` // the longest that it can take
	Furthest    *furthestJSON `json:"furthest"`
	Error       *errorJSON    `json:"error,omitempty"`
}

// furthestJSON is the target furthest from the middle of the interval.
type furthestJSON struct {
	Address    string `json:"address"`
	Ahead      int64  `json:"ahead_ns"`
	ErrorBound int64  `json:"error_bound_ns"`
}

func (t *tally) object(ended error) summaryJSON {
	o := summaryJSON{
		Schema: schema, Type: "summary", Targets: len(t.options.Servers),
		Agreed: t.states[ntpprobe.Agreed], Falseticker: t.states[ntpprobe.Falseticker], Rejected: t.states[ntpprobe.Rejected], Unreachable: t.states[ntpprobe.Unreachable],
		Samples: t.samples, Took: int64(t.took), Limit: int64(t.limit()), Error: failure(ended),
	}
	if f := t.furthest; f != nil {
		o.Furthest = &furthestJSON{Address: canonical(f.Server), Ahead: int64(t.ahead), ErrorBound: int64(f.Estimate.ErrorBound)}
	}
	return o
}
