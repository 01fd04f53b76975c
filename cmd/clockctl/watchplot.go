package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/termplot"
)

// labelWidth holds "999.9 ms slow" and a blank.
const labelWidth = 14

// stretches are what the plot may show, the shortest that holds everything; afterwards the
// beginning scrolls away.
var stretches = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour}

// plot draws the offset in its interval over time: a title, the band, and the axis of time.
func (w watched) plot(width, height int, style watchStyle) []string {
	stretch := w.stretch()
	shown := termplot.Range{From: w.age - stretch.Seconds(), To: w.age}
	points := w.since(shown.From)
	title := termplot.Cut("offset       reference − local, within its error, over the last "+humanStretch(stretch), width)
	values, ok := termplot.Values(points)
	rows := height - 2
	band := termplot.Band(points, shown, values, width-labelWidth, rows, style.ascii)
	if !ok || band == nil {
		lines := append([]string{title}, make([]string, height-1)...)
		lines[1] = termplot.Cut(strings.Repeat(" ", labelWidth)+"no interval in this time", width)
		return lines
	}
	labels := make([]string, rows)
	if values.From <= 0 && 0 <= values.To {
		labels[termplot.Row(0, values, rows, style.ascii)] = "0 ns"
	}
	labels[0], labels[rows-1] = humanOffset(time.Duration(values.To)), humanOffset(time.Duration(values.From))
	lines := []string{title}
	for i, cells := range band {
		lines = append(lines, termplot.Pad(labels[i], labelWidth)+paint(cells, "36", style.colored && strings.TrimSpace(cells) != ""))
	}
	return append(lines, timeAxis(stretch, width))
}

func (w watched) stretch() time.Duration {
	if len(w.history) == 0 {
		return stretches[0]
	}
	for _, s := range stretches {
		if w.age-w.history[0].At <= s.Seconds() {
			return s
		}
	}
	return stretches[len(stretches)-1]
}

// since are the points from a moment on, and the one before it, from where the band comes in.
func (w watched) since(from float64) []termplot.Point {
	i := slices.IndexFunc(w.history, func(p termplot.Point) bool { return p.At >= from })
	switch {
	case i < 0:
		return nil
	case i > 0:
		i--
	}
	return w.history[i:]
}

func timeAxis(stretch time.Duration, width int) string {
	left, right := "-"+humanStretch(stretch), "now"
	line := strings.Repeat(" ", labelWidth) + left
	return termplot.Cut(line+strings.Repeat(" ", max(1, width-len(line)-len(right)))+right, width)
}

func humanStretch(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}
