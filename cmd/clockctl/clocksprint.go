package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

var everyClock = []clocks.Clock{clocks.Realtime, clocks.Monotonic, clocks.Raw, clocks.Boottime, clocks.TAI}

// pairs are the differences that mean something.
var pairs = []struct {
	clock, against clocks.Clock
	zero, words    string
}{
	{clocks.Monotonic, clocks.Raw, "", "slewed by that since the machine started"},
	{clocks.Boottime, clocks.Monotonic, "never asleep since the machine started", "asleep since the machine started"},
	{clocks.TAI, clocks.Realtime, "nobody told the kernel TAI − UTC", "TAI − UTC"},
}

// clocksPrinter prints in one of the four ways. As json everything comes at the end.
type clocksPrinter struct {
	w      io.Writer
	output string
}

func (p clocksPrinter) survey(v *clockSurvey) error {
	switch p.output {
	case "json":
		return nil
	case "ndjson":
		return writeJSON(p.w, v.json("clocks"))
	}
	return v.write(p.w, p.output == "wide")
}

func (p clocksPrinter) event(e clocks.Event) (err error) {
	switch p.output {
	case "json":
	case "ndjson":
		err = writeJSON(p.w, newClockEventJSON(e, true))
	default:
		_, err = fmt.Fprintf(p.w, "%s Z  %-8s %s\n", time.Unix(0, e.Wall).UTC().Format("2006-01-02 15:04:05.000"), e.Kind, eventWords(e))
	}
	return err
}

// end says what the whole run has seen, and what ended it before its time, if anything did.
func (p clocksPrinter) end(v *clockSurvey, watched bool, ended error) error {
	on, slewing := v.known.Slewing()
	switch {
	case p.output == "json":
		o := v.json("")
		events := []clockEventJSON{}
		for _, e := range v.events {
			events = append(events, newClockEventJSON(e, false))
		}
		o.Events, o.Watched, o.Slewing, o.Error = &events, ns(v.watched), v.slewing(), failure(ended)
		return writeJSON(p.w, o)
	case p.output == "ndjson":
		return writeJSON(p.w, clocksResultJSON{Schema: schema, Type: "result", Watched: int64(v.watched), Events: len(v.events), Slewing: v.slewing(), Error: failure(ended)})
	case slewing:
		_, err := fmt.Fprintf(p.w, "%-12s %s\n", "still", eventWords(on))
		return err
	case watched && len(v.events) == 0:
		_, err := fmt.Fprintf(p.w, "watched      %s, nothing was done to the clocks\n", humanDuration(v.watched))
		return err
	}
	return nil
}

// eventWords says what was noticed.
func eventWords(e clocks.Event) string {
	way := "forward"
	if e.Size < 0 {
		way = "back"
	}
	size := fmt.Sprintf("%s %s (±%s)", humanDuration(e.Size.Abs()), way, humanBound(e.Error))
	switch e.Kind {
	case clocks.Step:
		return "the wall clock was set " + size
	case clocks.Suspend:
		return fmt.Sprintf("the machine slept for %s (±%s)", humanDuration(e.Size), humanBound(e.Error))
	case clocks.Leap:
		return "TAI was set against the wall clock, " + size
	case clocks.SlewEnd:
		return fmt.Sprintf("over after %s, moved the clocks %s", humanDuration(e.For), size)
	}
	text := fmt.Sprintf("the clocks run %s than RAW", humanRateError(e.Rate))
	if e.For > 0 {
		text += fmt.Sprintf(", for %s, moved %s so far", humanDuration(e.For), size)
	}
	return text
}

// humanRateError is a rate with its error: 500.000 ppm (±45.000) faster.
func humanRateError(r clocks.Rate) string {
	way := "faster"
	if r.Ratio < 0 {
		way = "slower"
	}
	return fmt.Sprintf("%.3f ppm (±%s) %s", math.Abs(r.Ratio)*1e6, ppmBound(r.Error), way)
}

// write prints a row per clock, and what they were read with.
func (v *clockSurvey) write(w io.Writer, wide bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	heading := []string{"CLOCK", "READING", "DIFFERENCE", "FASTER THAN RAW"}
	if wide {
		heading = append(heading, "±DIFFERENCE", "WHAT")
	}
	fmt.Fprintln(out, strings.Join(heading, "\t"))
	for _, c := range v.clocks() {
		difference, bound, what := v.difference(c)
		cells := []string{c.String(), v.reading(c), difference, v.rateWords(c, clocks.Raw)}
		if wide {
			cells = append(cells, bound, what)
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	if err := out.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "sandwich     %s wide: each reading is of a moment within it; rates over %s\n", humanBound(v.last.Width()), humanDuration(v.last.Since(v.first)))
	if missing := clocks.Missing(); len(missing) > 0 {
		fmt.Fprintf(w, "missing      %v: this system does not have them, RAW stands for its one monotonic clock; a suspend shows as a step, a slew not at all\n", missing)
	}
	if wide {
		if err := v.writeRates(w); err != nil {
			return err
		}
	}
	return v.kernel.write(w)
}

// clocks are those that the system has, and RAW, or what stands for it.
func (v *clockSurvey) clocks() (have []clocks.Clock) {
	for _, c := range everyClock {
		if !v.last.Alone || c == clocks.Realtime || c == clocks.Raw {
			have = append(have, c)
		}
	}
	return have
}

func (v *clockSurvey) reading(c clocks.Clock) string {
	at := v.last.Reading(c)
	switch c {
	case clocks.Realtime:
		return time.Unix(0, at).UTC().Format("2006-01-02 15:04:05.000000 Z")
	case clocks.TAI:
		return time.Unix(0, at).UTC().Format("2006-01-02 15:04:05.000000") // no Z: it is not UTC
	}
	return fmt.Sprintf("%d.%06d s", at/1e9, at%1e9/1e3) // since the machine started: not negative
}

// difference is what a clock is ahead of the one that it is measured by, if that is more than its
// error, which is bound; and what it means.
func (v *clockSurvey) difference(c clocks.Clock) (text, bound, what string) {
	for _, pair := range pairs {
		if pair.clock != c || v.last.Alone {
			continue
		}
		d := v.last.Difference(c, pair.against)
		sign, size := "+", d.Middle()
		if size < 0 {
			sign, size = "−", -size
		}
		if what = pair.words; pair.zero != "" && size <= d.Error()+time.Microsecond {
			what = pair.zero
		}
		text = fmt.Sprintf("%v %s %s", pair.against, sign, humanDuration(size))
		if size <= d.Error() {
			text = "= " + pair.against.String()
		}
		return text, humanBound(d.Error()), what
	}
	return "-", "-", map[clocks.Clock]string{clocks.Realtime: "the wall clock", clocks.Raw: "the hardware's count"}[c]
}

// rate is how much faster c ran than d over the window; ok is false if that means nothing.
func (v *clockSurvey) rate(c, d clocks.Clock) (clocks.Rate, bool) {
	r := clocks.RateBetween(v.first, v.last, c, d)
	return r, !math.IsInf(r.Error, 0) && !clocks.Disturbed(v.events, c, d) && !v.last.Torn() && !v.first.Torn()
}

func (v *clockSurvey) rateWords(c, d clocks.Clock) string {
	if c == d {
		return "-"
	}
	r, ok := v.rate(c, d)
	if !ok {
		return "disturbed"
	}
	return ppmSigned(r.Ratio) + " ±" + ppmBound(r.Error) + " ppm"
}

// writeRates prints the rates of all pairs.
func (v *clockSurvey) writeRates(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(out, "FASTER")
	for _, d := range v.clocks() {
		fmt.Fprintf(out, "\tTHAN %v", d)
	}
	for _, c := range v.clocks() {
		fmt.Fprintf(out, "\n%v", c)
		for _, d := range v.clocks() {
			fmt.Fprintf(out, "\t%s", v.rateWords(c, d))
		}
	}
	fmt.Fprintln(out)
	return out.Flush()
}
