package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/trueclock/trueclock/internal/chronylog"
	"github.com/trueclock/trueclock/internal/plot"
	"github.com/trueclock/trueclock/internal/record"
)

// plotting holds the flags of plot.
type plotting struct {
	tracing
	svg, html string
	term      bool
}

// The size of a figure in pixels, and the rows of one in a terminal.
const (
	figureWidth, figureHeight = 960, 400
	terminalRows              = 20
)

func newPlot(s streams) *cobra.Command {
	var p plotting
	cmd := &cobra.Command{
		Use:   "plot FILE...",
		Short: "Draw offset, its error and the stability of the clock over time",
		Long: `plot reads what analyze reads and draws two pictures: the offset over time, with its
error as a band and the straight line that fits it best, and the Allan deviation.

--svg and --html write files (- is standard output) and print their names; the page is one
file that needs no network. --term, which is the default, draws with braille
characters, as wide as the terminal or COLUMNS. Above zero the clock is slow.

Wide intervals at the beginning are cut rather than flatten the rest; the picture
says so. Many points are merged; the band then holds all of theirs. Where no interval was
known there is a gap, and a dotted upright line where the local clock began a new epoch,
as after a suspend, or the wall clock was set. Time is true time, as far as it was known.

Exit codes: 0 drawn, 1 no interval follows from the files, or one is neither a recording
nor a log or cannot be written, 64 usage (also a file that cannot be opened).`,
		Example: `  clockctl plot drift.ndjson
  clockctl plot --svg drift.svg --html drift.html drift.ndjson
  clockctl plot --clock local --term drift.ndjson`,
	}
	p.define(cmd)
	f := cmd.Flags()
	f.StringVar(&p.svg, "svg", "", "write the pictures to this file (-: standard output)")
	f.StringVar(&p.html, "html", "", "write a page with them to this file (-: standard output)")
	f.BoolVar(&p.term, "term", false, "draw them here (default without --svg and --html)")
	onlyOnCommandLine(cmd, "svg", "html", "term")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runPlot(cmd, s, &p, args) }
	return cmd
}

func runPlot(cmd *cobra.Command, s streams, p *plotting, args []string) error {
	if p.svg == "-" && p.html == "-" || p.term && (p.svg == "-" || p.html == "-") {
		return &usageError{errors.New("only one of --svg -, --html - and --term can have standard output")}
	}
	if err := p.check(cmd, args); err != nil {
		return err
	}
	traces, err := p.read(s, "plot", args)
	if err == nil {
		err = judgeTraces(traces, args)
	}
	if err != nil {
		return err
	}
	figures := []plot.Figure{offsetFigure(p.clock, traces), allanFigure(p.clock, traces)}
	if err := p.write(s, figures, traces); err != nil {
		return err
	}
	if !p.term && (p.svg != "" || p.html != "") {
		return nil
	}
	for _, f := range figures {
		if _, err := fmt.Fprintln(s.out, plot.Terminal(terminalColumns(s), terminalRows, f)); err != nil {
			return err
		}
	}
	return nil
}

// write writes the files that were asked for.
func (p *plotting) write(s streams, figures []plot.Figure, traces []trace) error {
	if p.svg != "" {
		if err := writeDrawing(s, p.svg, plot.SVG(figureWidth, figureHeight, figures...)); err != nil {
			return err
		}
	}
	if p.html == "" {
		return nil
	}
	page := plot.HTML("How wrong the clock was", tracesText(p.clock, traces), figureWidth, figureHeight, figures...)
	return writeDrawing(s, p.html, page)
}

func writeDrawing(s streams, file, text string) error {
	if file == "-" {
		_, err := io.WriteString(s.out, text)
		return err
	}
	if isTrace(file) {
		return &badAnswer{code: "write", err: errors.New("a recording"), text: "cannot write the picture: " + file + " is a recording or a log; name another file"}
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return &badAnswer{code: "write", err: err, text: "cannot write the picture: " + err.Error()}
	}
	_, err := fmt.Fprintln(s.out, file)
	return err
}

// isTrace reports whether a file holds what plot reads, which no picture may replace.
func isTrace(file string) bool {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 64)
	n, _ := io.ReadFull(f, start)
	return record.IsRecording(start[:n]) || chronylog.IsHeader(string(start[:n]))
}

// terminalColumns is COLUMNS, or how wide the terminal is, or 80.
func terminalColumns(s streams) int {
	if n, err := strconv.Atoi(s.getenv("COLUMNS")); err == nil && n > 0 {
		return min(n, 500)
	}
	if s.outTTY {
		if n, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}
