package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trueclock/trueclock/internal/chronyc"
	"github.com/trueclock/trueclock/truetime"
)

// viewJSON is the object of sources. interval, faulty_tolerated and agreed are ours, as in probe.
type viewJSON struct {
	Schema          string           `json:"schema"`
	ReadAt          *string          `json:"read_at"`
	Chronyd         *chronydJSON     `json:"chronyd"`
	Sources         []chronySource   `json:"sources"`
	Interval        *intervalJSON    `json:"interval"`
	FaultyTolerated *int             `json:"faulty_tolerated"`
	Agreed          int              `json:"agreed"`
	Overlap         *bool            `json:"overlap"`  // of chronyd's interval and ours
	Apart           *int64           `json:"apart_ns"` // how far they are apart; null if they overlap
	Kernel          *kernelStateJSON `json:"kernel"`
	Error           *errorJSON       `json:"error,omitempty"`
}

type chronydJSON struct {
	Where          string        `json:"where"`
	State          chronyc.State `json:"state"`
	Reference      *string       `json:"reference"`
	Stratum        *uint16       `json:"stratum"` // null, as what is null below, unless it has a time
	Leap           string        `json:"leap"`
	Interval       *intervalJSON `json:"interval"`
	Offset         *int64        `json:"offset_ns"`
	ErrorBound     *int64        `json:"error_bound_ns"` // of the wall clock: |offset| + root delay/2 + root dispersion
	RootDelay      *int64        `json:"root_delay_ns"`
	RootDispersion *int64        `json:"root_dispersion_ns"`
	LastOffset     *int64        `json:"last_offset_ns"`
	RMSOffset      *int64        `json:"rms_offset_ns"`
	Frequency      float64       `json:"frequency_ratio"` // positive: without chronyd the wall clock is slow
	Skew           *float64      `json:"skew_ratio"`
	UpdatedAt      *string       `json:"updated_at"`
}

type chronySource struct {
	Address    *string             `json:"address"` // null while the name is not resolved
	Name       *string             `json:"name"`
	Mode       string              `json:"mode"`
	State      chronyc.SourceState `json:"state"`
	Selection  *string             `json:"selection"` // null: it needs the unix socket
	Stratum    *uint16             `json:"stratum"`
	Poll       int64               `json:"poll_ns"`
	Reach      uint8               `json:"reach"`
	Age        *int64              `json:"age_ns"`
	Offset     *int64              `json:"offset_ns"`
	ErrorBound *int64              `json:"error_bound_ns"`
	Interval   *intervalJSON       `json:"interval"`
	Meets      *bool               `json:"meets"` // our interval
}

// printView prints what is known; err is why it is not all, or not good.
func printView(s streams, p *probing, v view, err error) error {
	if p.output == "json" {
		return writeJSON(s.out, v.json(err))
	}
	if v.where == "" {
		return nil // stderr says why
	}
	return v.write(s.out, p.colored(s))
}

func (v *view) json(err error) viewJSON {
	o := viewJSON{Schema: schema, Sources: []chronySource{}, Kernel: v.kernel.json(), Error: failure(err)}
	if exitCode(err) == exitUsage {
		o.Kernel = nil
	}
	if v.ours != nil {
		o.FaultyTolerated = &v.ours.Faulty
	}
	if v.where == "" {
		return o
	}
	o.ReadAt = ptr(jsonTime(v.at.Wall))
	o.Chronyd = v.daemonJSON()
	for _, source := range v.chronyd.Sources {
		o.Sources = append(o.Sources, v.sourceJSON(source))
	}
	if v.own != nil {
		o.Interval, o.Agreed = newIntervalJSON(*v.own), v.ours.Agreed()
		if v.claim != nil {
			o.Overlap = ptr(v.claim.Overlaps(*v.own))
			if !*o.Overlap {
				o.Apart = ns(apart(*v.claim, *v.own))
			}
		}
	}
	return o
}

func (v *view) daemonJSON() *chronydJSON {
	t := v.chronyd.Tracking
	o := &chronydJSON{
		Where: v.where, State: t.State, Leap: t.Leap, Frequency: t.Frequency,
	}
	if t.State != chronyc.Unsynchronized {
		o.Stratum = &t.Stratum
	}
	if t.Reference != "" {
		o.Reference = &t.Reference
	}
	if at, ok := t.Updated(); ok {
		o.UpdatedAt = ptr(jsonTime(at))
	}
	if v.claim != nil {
		o.Interval, o.Offset, o.ErrorBound = newIntervalJSON(*v.claim), ns(t.Offset), ns(t.ErrorBound())
		o.RootDelay, o.RootDispersion = ns(t.RootDelay), ns(t.RootDispersion)
		o.LastOffset, o.RMSOffset, o.Skew = ns(t.LastOffset), ns(t.RMSOffset), &t.Skew
	}
	return o
}

func (v *view) sourceJSON(s chronyc.Source) chronySource {
	o := chronySource{Mode: s.Mode, State: s.State, Poll: int64(s.Poll), Reach: s.Reach}
	if s.Address != "" {
		o.Address = &s.Address
	}
	if s.Name != "" {
		o.Name = &s.Name
	}
	if s.Selection != "" {
		o.Selection = &s.Selection
	}
	if interval, ok := v.interval(s); ok {
		o.Stratum, o.Age, o.Offset, o.ErrorBound, o.Interval = &s.Stratum, ns(s.Age), ns(s.Offset), ns(interval.Uncertainty()), newIntervalJSON(interval)
		if v.own != nil {
			o.Meets = ptr(interval.Overlaps(*v.own))
		}
	}
	return o
}

// interval is what one of chronyd's sources says.
func (v *view) interval(s chronyc.Source) (truetime.Interval, bool) {
	if !s.Measured {
		return truetime.Interval{}, false
	}
	interval, err := v.around(int64(s.Offset), int64(s.Error))
	return interval, err == nil
}

var stateColors = map[chronyc.SourceState]string{chronyc.Selected: "32", chronyc.Combined: "32", chronyc.NotCombined: "39", chronyc.Falseticker: "31"}

// write prints a row per source, and then both intervals.
func (v *view) write(w io.Writer, colored bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, strings.Join([]string{paint("S", "39", colored), "SOURCE", "STRATUM", "POLL", "REACH", "AGE", "OFFSET", "±ERROR", "OURS", "WHY"}, "\t"))
	for _, s := range v.chronyd.Sources {
		color, ok := stateColors[s.State]
		if !ok {
			color = "33"
		}
		fmt.Fprintln(out, strings.TrimRight(paint(s.State.Symbol(), color, colored)+"\t"+strings.Join(v.cells(s), "\t"), "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	v.writeClaim(w)
	v.writeOverlap(w)
	return v.kernel.write(w)
}

func (v *view) cells(s chronyc.Source) []string {
	name := s.Address
	switch {
	case s.Address == "":
		name = s.Name
	case s.Name != "" && s.Name != s.Address:
		name = s.Name + " (" + s.Address + ")"
	}
	stratum, age, offset, bound, meets := "-", "-", "-", "-", "-"
	if interval, ok := v.interval(s); ok {
		stratum, age, offset, bound = fmt.Sprint(s.Stratum), fmt.Sprintf("%d s", s.Age/time.Second), humanOffset(s.Offset), humanBound(interval.Uncertainty())
		if v.own != nil {
			meets = "yes"
			if !interval.Overlaps(*v.own) {
				meets = "no: " + humanDuration(downward(apart(interval, *v.own))) + " apart"
			}
		}
	}
	words := strings.ReplaceAll(string(s.State), "_", " ")
	switch {
	case s.Address == "":
		words += ": its name is not resolved"
	case s.Selection != "" && s.Selection != words:
		words += ": " + s.Selection
	}
	return []string{name, stratum, humanDuration(s.Poll), fmt.Sprintf("%o", s.Reach), age, offset, bound, meets, words}
}

// writeClaim prints what chronyd believes.
func (v *view) writeClaim(w io.Writer) {
	t := v.chronyd.Tracking
	switch {
	case t.State == chronyc.Local:
		fmt.Fprintf(w, "chronyd      serves its own clock, which is no reference, by %s\n", v.where)
		return
	case v.claim == nil:
		fmt.Fprintf(w, "chronyd      not synchronized, by %s\n", v.where)
		return
	}
	fmt.Fprintf(w, "chronyd      %s  (±%s); follows %s, stratum %d, by %s\n", humanSpan(v.claim.Earliest(), v.claim.Latest()), humanBound(v.claim.Uncertainty()), t.Reference, t.Stratum, v.where)
	fmt.Fprintf(w, "             finds the wall clock %s, wrong by %s at most; root delay %s, root dispersion %s\n",
		humanOffset(t.Offset), humanBound(t.ErrorBound()), humanBound(t.RootDelay), humanBound(t.RootDispersion))
	fmt.Fprintf(w, "             without it %s ±%.3f ppm; last correction %s\n", humanRate(int64(t.Frequency*1e9)), t.Skew*1e6, humanOffset(t.LastOffset))
}

// writeOverlap prints our interval and whether the two can both be true.
func (v *view) writeOverlap(w io.Writer) {
	switch {
	case v.ours == nil:
		return
	case v.own == nil:
		fmt.Fprintln(w, "ours         unknown") // stderr says why
		return
	}
	fmt.Fprintf(w, "ours         %s  (±%s); %d of %d sources agree, %d may lie\n",
		humanSpan(v.own.Earliest(), v.own.Latest()), humanBound(v.own.Uncertainty()), v.ours.Agreed(), len(v.ours.Sources), v.ours.Faulty)
	switch {
	case v.claim == nil:
		fmt.Fprintln(w, "overlap      unknown: chronyd claims no interval")
	case v.claim.Overlaps(*v.own):
		fmt.Fprintln(w, "overlap      yes")
	default:
		fmt.Fprintf(w, "overlap      no: one of them is wrong, they are %s apart\n", humanDuration(downward(apart(*v.claim, *v.own))))
	}
}

// apart is how far two intervals that do not overlap are from each other.
func apart(a, b truetime.Interval) time.Duration {
	if a.Before(b) {
		a, b = b, a
	}
	return time.Duration(a.EarliestUnixNano() - b.LatestUnixNano())
}
