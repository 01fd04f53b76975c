package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/trueclock/trueclock/internal/termplot"
	"github.com/trueclock/trueclock/ntpprobe"
)

// table is a heading and a row per source, in rows lines. If they are too few, sources that agree
// are left out before others, and the last line counts them.
func (w watched) table(width, rows int, style watchStyle) []string {
	if rows < 1 {
		return nil
	}
	shown := make([]int, len(w.report.Sources))
	for i := range shown {
		shown[i] = i
	}
	omitted := map[ntpprobe.SourceState]int{}
	for len(shown) > 0 && len(shown)+1+min(1, len(omitted)) > rows {
		last := len(shown) - 1
		for i := last; i >= 0; i-- {
			if w.report.Sources[shown[i]].State == ntpprobe.Agreed {
				last = i
				break
			}
		}
		omitted[w.report.Sources[shown[last]].State]++
		shown = slices.Delete(shown, last, last+1)
	}
	lines := w.rows(shown, width, style)
	if len(omitted) > 0 {
		lines = append(lines, termplot.Cut(countOmitted(omitted), width))
	}
	return lines[:min(len(lines), rows)]
}

// rows are the heading and these sources. The symbol is the first byte, so that it
// can be coloured after the line was cut.
func (w watched) rows(shown []int, width int, style watchStyle) (lines []string) {
	var text bytes.Buffer
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "S\tSOURCE\tST\tOFFSET\t±ERROR\tRTT\tREACH\tWHY")
	for _, i := range shown {
		source, reach := w.report.Sources[i], w.reach[i]
		cells := row(source)
		cells[0] = termplot.Cut(strings.TrimSuffix(cells[0], ":123"), max(21, width/3)) // everybody's port
		cells[len(cells)-1] = fmt.Sprintf("%d/%d", reach.usable(), reach.asked)         // instead of the samples
		fmt.Fprintln(out, look[source.State].symbol+"\t"+strings.Join(append(cells, termplot.Cut(watchWhy(source), width)), "\t"))
	}
	_ = out.Flush() // to memory
	for i, line := range strings.Split(strings.TrimRight(text.String(), "\n"), "\n") {
		line = termplot.Cut(strings.TrimRight(line, " "), width)
		if i > 0 && line != "" {
			symbol := line[:1]
			line = paint(symbol, look[w.report.Sources[shown[i-1]].State].color, style.colored) + line[1:]
		}
		lines = append(lines, line)
	}
	return lines
}

// watchWhy is why without what the symbol says, since there is little room.
func watchWhy(s ntpprobe.SourceStatus) string {
	if s.Reason == ntpprobe.ReasonOutside {
		return s.Detail
	}
	return why(s)
}

func countOmitted(omitted map[ntpprobe.SourceState]int) string {
	total, parts := 0, []string{}
	for _, state := range []ntpprobe.SourceState{ntpprobe.Agreed, ntpprobe.Falseticker, ntpprobe.Rejected, ntpprobe.Unreachable} {
		if n := omitted[state]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	return fmt.Sprintf("… and %d more: %s", total, strings.Join(parts, ", "))
}
