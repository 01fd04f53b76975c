package main

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/termplot"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// watched is all that one picture shows. With a size and a style it is a pure function of that.
type watched struct {
	report   ntpprobe.Report // as Measure would give it now
	state    truetime.State
	reason   error   // why the state is not Synchronized
	reach    []reach // beside report.Sources
	forecast []forecast
	history  []termplot.Point // At in seconds since the beginning, the others in nanoseconds of offset
	age      float64          // now, in the same seconds
	number   int              // updates so far
}

// watchStyle says what the terminal can show.
type watchStyle struct {
	colored, ascii bool
	deaf           bool // no key arrives
}

func (r reach) usable() int { return bits.OnesCount8(r.bits) }

// stateColor: the word says the same.
var stateColor = map[truetime.State]string{truetime.Synchronized: "32", truetime.Holdover: "33", truetime.Unsynchronized: "31", truetime.Disrupted: "31"}

// leastPlot is the height below which a plot tells nothing.
const leastPlot = 7

// lines draws the picture: at most height lines, each of at most width cells.
func (w watched) lines(width, height int, style watchStyle) []string {
	head := w.head(width, style)
	rows := len(w.report.Sources) + 1
	if space := height - len(head) - leastPlot; rows > space && height >= 20 {
		rows = max(space, 4) // then the plot stays and the table is cut
	}
	rows = max(0, min(rows, height-len(head)))
	lines := head
	if space := height - len(head) - rows; space >= leastPlot {
		lines = append(lines, w.plot(width, space, style)...)
	}
	lines = append(lines, w.table(width, rows, style)...)
	return lines[:min(len(lines), height)]
}

// head says what is known in words.
func (w watched) head(width int, style watchStyle) []string {
	const title = "clockctl watch  "
	quit := "q quits"
	if style.deaf {
		quit = "Ctrl-C quits"
	}
	state := w.state.String()
	if w.number == 0 {
		state = "asking"
	}
	first := termplot.Pad(title+state, width-len(quit)) + quit
	if width < len(title+state+quit)+2 {
		first = termplot.Cut(title+state, width)
	}
	lines := []string{strings.Replace(first, state, paint(state, stateColor[w.state], style.colored), 1)}
	return append(lines, append(w.words(width), w.notes(width)...)...)
}

// said is a line of the head: the longest of some forms that fits, so that no number is cut
// before the last resort.
func said(label string, width int, forms ...string) string {
	line := ""
	for _, form := range forms {
		if line = termplot.Pad(label, 13) + form; termplot.Cells(line) <= width {
			break
		}
	}
	return termplot.Cut(line, width)
}

// words are the result, in the form of probe's.
func (w watched) words(width int) (lines []string) {
	r := w.report
	say := func(label string, forms ...string) { lines = append(lines, said(label, width, forms...)) }
	if r.Err != nil {
		for _, label := range []string{"true time", "local clock", "local rate", "holdover"} {
			say(label, "unknown")
		}
		say("sources", fmt.Sprintf("%d, of which %d may lie", len(r.Sources), r.Faulty))
		return lines
	}
	i := r.Interval
	half := "±" + humanBound(i.Uncertainty())
	least, most := r.Bound.Earliest.SlopePPB, r.Bound.Latest.SlopePPB
	say("true time", fmt.Sprintf("%s  (%s)", humanSpan(i.Earliest(), i.Latest()), half), half)
	say("local clock", humanLocal(w.offset(), i.Uncertainty()), fmt.Sprintf("%s (%s)", humanOffset(w.offset()), half), humanOffset(w.offset()))
	say("local rate", humanRates(least, most)+fmt.Sprintf(": %s … %s", humanRate(least), humanRate(most)), humanRates(least, most))
	say("holdover", humanForecast(w.forecast)+" without an answer", humanForecast(w.forecast), humanForecast(w.forecast[len(w.forecast)-1:]))
	say("sources", fmt.Sprintf("%d of %d agree, %d may lie", r.Agreed(), len(r.Sources), r.Faulty))
	return lines
}

func (w watched) offset() time.Duration {
	return time.Duration(w.report.Interval.Midpoint() - w.report.Instant.Wall.UnixNano())
}

// humanRates says a range of rates as its middle and half of its width, rounded up.
func humanRates(least, most int64) string {
	return fmt.Sprintf("%s ±%.3f ppm", humanRate(least+(most-least)/2), float64((most-least+1)/2)/1000)
}

// humanForecast: without an answer from now on.
func humanForecast(list []forecast) string {
	var parts []string
	for _, f := range list {
		after := fmt.Sprintf("%d min", f.after/time.Minute)
		if f.after >= time.Hour {
			after = fmt.Sprintf("%d h", f.after/time.Hour)
		}
		if f.known {
			parts = append(parts, fmt.Sprintf("±%s after %s", humanBound(f.uncertainty), after))
		} else {
			parts = append(parts, "no interval after "+after)
		}
	}
	return strings.Join(parts, ", ")
}

// notes are lines that are only there if there is something to say, each on two at most.
func (w watched) notes(width int) (lines []string) {
	note := func(label, text string) {
		text = termplot.Cut(text, 2*width)
		if end := strings.LastIndexByte(text[:min(len(text), max(0, width-12))], ' '); termplot.Cells(text)+13 > width && end > 0 {
			lines = append(lines, said(label, width, text[:end]))
			label, text = "", text[end+1:]
		}
		lines = append(lines, said(label, width, text))
	}
	if w.state != truetime.Synchronized && w.reason != nil && w.number > 0 {
		text := firstLine(w.reason)
		if w.report.Err != nil && errors.Is(w.report.Err, truetime.ErrNoQuorum) {
			text = firstLine(judge(w.report)) // with what to do
		}
		note("reason", text)
	}
	if leap := w.report.Leap; leap.Kind != ntpprobe.LeapNone {
		note("leap second", fmt.Sprintf("%s at the end of %s UTC, announced by more servers than may lie", leap.Kind, leap.At.AddDate(0, 0, -1).Format(time.DateOnly)))
	}
	for _, text := range sharedDomains(w.report.Sources) {
		note("warning", text)
	}
	return lines
}

// plain is the whole picture on one line, for a terminal that can do no more; it mostly fits 80 cells.
func (w watched) plain() string {
	at := w.report.Instant.Wall.UTC().Format("15:04:05 Z")
	if w.report.Err != nil {
		return fmt.Sprintf("%s  clock unknown; %s: %s", at, w.state, firstLine(judge(w.report)))
	}
	line := fmt.Sprintf("%s  clock %s; %d of %d agree", at, humanLocal(w.offset(), w.report.Interval.Uncertainty()), w.report.Agreed(), len(w.report.Sources))
	if w.state != truetime.Synchronized {
		line += "; " + w.state.String()
	}
	return line
}
