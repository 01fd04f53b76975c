package main

import (
	"fmt"
	"slices"
	"strings"

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

// rows are the heading and these sources, the reason right behind what is known. The symbol is
// the first byte, so that it can be coloured after the line was cut.
func (w watched) rows(shown []int, width int, style watchStyle) (lines []string) {
	cells := [][]string{tableLine(width, "S", []string{"SOURCE", "ST", "OFFSET", "±ERROR", "RTT"}, "REACH", "WHY")}
	for _, i := range shown {
		source, reach := w.report.Sources[i], w.reach[i]
		known := row(source)[:5]
		known[0] = termplot.Cut(strings.TrimSuffix(known[0], ":123"), max(21, width/3)) // everybody's port
		if source.Estimate == nil {
			known = known[:2]
		}
		cells = append(cells, tableLine(width, look[source.State].symbol, known, fmt.Sprintf("%d/%d", reach.usable(), reach.asked), termplot.Cut(watchWhy(source), width)))
	}
	for i, line := range align(cells) {
		line = termplot.Cut(strings.TrimRight(line, " "), width)
		if i > 0 && line != "" {
			symbol := line[:1]
			line = paint(symbol, look[w.report.Sources[shown[i-1]].State].color, style.colored) + line[1:]
		}
		lines = append(lines, line)
	}
	return lines
}

// tableLine chooses the cells for which there is room beside a reason. known are those of row, without the
// last three if nothing was measured.
func tableLine(width int, symbol string, known []string, reach, why string) []string {
	line := []string{symbol, known[0]}
	if width >= 100 {
		line = append(line, known[1])
	}
	if width >= 60 {
		line = append(line, reach)
	}
	if known = known[2:]; width < 100 {
		known = known[:min(2, len(known))] // the round trip is in the error
	}
	return append(append(line, known...), why)
}

// align makes lines of cells: each but the last of its line is as wide as the widest of its column.
func align(cells [][]string) (lines []string) {
	widths := map[int]int{}
	for _, line := range cells {
		for x, cell := range line[:len(line)-1] {
			widths[x] = max(widths[x], termplot.Cells(cell))
		}
	}
	for _, line := range cells {
		var text strings.Builder
		for x, cell := range line[:len(line)-1] {
			text.WriteString(termplot.Pad(cell, widths[x]) + "  ")
		}
		lines = append(lines, text.String()+line[len(line)-1])
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
