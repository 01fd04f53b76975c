package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// progress counts what is done on stderr: only on a terminal that can erase, only if the work
// lasts over a second, in one line, erased at the end.
type progress struct {
	streams  streams
	enabled  bool
	command  string
	what     string // is counted
	started  time.Time
	done     int
	expected int // 0: nobody knows
	shown    bool
	last     time.Time // when it was shown
}

func newProgress(s streams, quiet bool, command, what string, expected int) *progress {
	return &progress{streams: s, enabled: s.errTTY && !quiet && !dumb(s.getenv), command: command, what: what, started: time.Now(), expected: expected}
}

// step notes one more.
func (p *progress) step() {
	p.done++
	of := ""
	if p.expected > 0 {
		of = fmt.Sprintf(" of %d", p.expected)
	}
	p.say(fmt.Sprintf("%d%s %s", p.done, of, p.what))
}

// say replaces what is shown, not so often that nobody could read it. What is wider than the
// terminal is cut: of a line that wraps only the end could be erased.
func (p *progress) say(text string) {
	now := time.Now()
	if !p.enabled || now.Sub(p.started) < time.Second || p.shown && now.Sub(p.last) < 50*time.Millisecond {
		return
	}
	line := []rune("clockctl: " + p.command + ": " + text)
	if most := columns(p.streams.err) - 1; len(line) > most {
		line = append(line[:most-1], '…')
	}
	fmt.Fprintf(p.streams.err, "\r\x1b[K%s", string(line))
	p.shown, p.last = true, now
}

// columns is the width of a terminal, at least 20.
func columns(w io.Writer) int {
	width := 0
	if file, ok := w.(*os.File); ok {
		width, _, _ = term.GetSize(int(file.Fd()))
	}
	if width <= 0 {
		width = 80
	}
	return max(width, 20)
}

// erase leaves the line as it was.
func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.streams.err, "\r\x1b[K")
		p.shown = false
	}
}
