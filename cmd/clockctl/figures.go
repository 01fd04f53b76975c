package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/trueclock/trueclock/internal/plot"
	"github.com/trueclock/trueclock/internal/replay"
)

// offsetFigure draws the offset over time, its band, and the line that fits.
func offsetFigure(clock string, traces []trace) plot.Figure {
	f := plot.Figure{
		Title: "Offset of the " + clock + " clock, and how far it may be wrong",
		X:     plot.Axis{Label: "UTC", Kind: plot.Moments},
		Y:     plot.Axis{Label: "↑ slow, fast ↓", Kind: plot.Seconds},
	}
	for _, tr := range traces {
		if len(tr.points) == 0 {
			continue
		}
		series := plot.Series{Name: tr.name}
		for _, p := range tr.points {
			y, half := p.offset.Seconds(), p.half.Seconds()
			series.Points = append(series.Points, plot.Point{X: float64(p.at.UnixNano()) / 1e9, Y: y, Low: y - half, High: y + half, Run: p.run})
		}
		f.Series = append(f.Series, series)
		widths := replay.QuantilesOf(tr.halves())
		note := fmt.Sprintf("%s: ±%s at the median, ±%s at most", tr.name, humanDuration(widths.P50), humanDuration(widths.Max))
		if fit, ok := replay.FitLine(tr.steady); ok {
			note += fmt.Sprintf("; fits %s", humanRate(int64(fit.Rate*1e9)))
			f.Lines = append(f.Lines, fitLine(tr, fit))
		}
		f.Notes = append(f.Notes, note)
	}
	return f
}

// fitLine is the fit over the stretch that it was made of.
func fitLine(tr trace, fit replay.Fit) plot.Line {
	origin := float64(tr.points[0].at.UnixNano()) / 1e9
	first, last := tr.steady[0].At.Seconds(), tr.steady[len(tr.steady)-1].At.Seconds()
	return plot.Line{
		Name: humanRate(int64(fit.Rate * 1e9)), X1: origin + first, Y1: fit.Offset + fit.Rate*first,
		X2: origin + last, Y2: fit.Offset + fit.Rate*last,
	}
}

// allanFigure draws the Allan deviation. Points that are the mean of fewer than three terms
// say too little and are left out.
func allanFigure(clock string, traces []trace) plot.Figure {
	f := plot.Figure{
		Title: "Allan deviation of the " + clock + " clock (overlapping)",
		Notes: []string{"network noise falls as 1/τ; where it bends up the clock wanders"},
		X:     plot.Axis{Label: "averaging time τ, s", Kind: plot.Log},
		Y:     plot.Axis{Label: "Allan deviation", Kind: plot.Log},
	}
	for _, tr := range traces {
		series := plot.Series{Name: tr.name}
		for _, p := range tr.allan() {
			if p.Terms >= 3 {
				series.Points = append(series.Points, plot.Point{X: p.Tau.Seconds(), Y: p.Deviation, Low: p.Deviation, High: p.Deviation})
			}
		}
		f.Series = append(f.Series, series)
	}
	return f
}

// tracesText is what analyze prints, as lines.
func tracesText(clock string, traces []trace) []string {
	var text bytes.Buffer
	_ = printAnalysis(&text, clock, traces) // a Buffer never fails
	return strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
}
