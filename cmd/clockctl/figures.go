package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

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
			x, y, half := unixSeconds(p.at), p.offset.Seconds(), p.half.Seconds()
			series.Points = append(series.Points, plot.Point{X: x, Y: y, Low: y - half, High: y + half, Run: p.piece})
			if p.began != "" {
				f.Marks = append(f.Marks, plot.Mark{Name: p.began, X: x})
			}
		}
		f.Series = append(f.Series, series)
		note := widthsNote(tr)
		if fit, ok := replay.FitLine(tr.steady); ok {
			note += fmt.Sprintf("; fits %s", humanRatio(fit.Rate))
			f.Lines = append(f.Lines, fitLine(tr, fit))
		}
		f.Notes = append(f.Notes, note)
	}
	f.Notes = capNotes(f.Series, f.Notes)
	return f
}

// mostNotes leave room for the picture.
const mostNotes = 6

// capNotes names each series that a note is about, if there are several, and ends a long list.
func capNotes(series []plot.Series, notes []string) []string {
	if len(notes) > 1 {
		for i := range notes {
			notes[i] = series[i].Name + ": " + notes[i]
		}
	}
	if more := len(notes) - mostNotes; more > 0 {
		notes = append(notes[:mostNotes:mostNotes], fmt.Sprintf("and %d more", more))
	}
	return notes
}

func widthsNote(tr trace) string {
	if tr.regression != nil {
		return "no error bound is in a statistics log"
	}
	widths := replay.QuantilesOf(tr.halves())
	return fmt.Sprintf("±%s at the median, ±%s at most", humanBound(widths.P50), humanBound(widths.Max))
}

func unixSeconds(at time.Time) float64 { return float64(at.UnixNano()) / 1e9 }

// fitLine is the fit over the stretch that it was made of.
func fitLine(tr trace, fit replay.Fit) plot.Line {
	origin := unixSeconds(tr.from)
	first, last := tr.steady[0].At.Seconds(), tr.steady[len(tr.steady)-1].At.Seconds()
	return plot.Line{
		Name: humanRatio(fit.Rate), X1: origin + first, Y1: fit.Offset + fit.Rate*first,
		X2: origin + last, Y2: fit.Offset + fit.Rate*last,
	}
}

// allanFigure draws the Allan deviation and its standard error. Points that are the mean of
// fewer than three terms say too little and are left out.
func allanFigure(clock string, traces []trace) plot.Figure {
	f := plot.Figure{
		Title: "Allan deviation of the " + clock + " clock (overlapping)",
		Notes: []string{"network noise falls as 1/τ; a bend up is wander; the band is 1 σ"},
		X:     plot.Axis{Label: "averaging time τ, s", Kind: plot.Log},
		Y:     plot.Axis{Label: "Allan deviation", Kind: plot.Log},
	}
	for _, tr := range traces {
		series := plot.Series{Name: tr.name}
		for _, p := range tr.allan() {
			if p.Terms >= 3 {
				series.Points = append(series.Points, plot.Point{X: p.Tau.Seconds(), Y: p.Deviation, Low: p.Deviation / (1 + p.Error), High: p.Deviation * (1 + p.Error)})
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
