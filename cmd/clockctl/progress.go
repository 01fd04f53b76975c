package main

import (
	"fmt"
	"time"
)

// progress counts what is done on stderr: only on a terminal, only if the work
// lasts over a second, erased at the end.
type progress struct {
	streams  streams
	enabled  bool
	command  string
	what     string // is counted
	started  time.Time
	done     int
	expected int // 0: nobody knows
	shown    bool
}

func newProgress(s streams, quiet bool, command, what string, expected int) *progress {
	return &progress{streams: s, enabled: s.errTTY && !quiet, command: command, what: what, started: time.Now(), expected: expected}
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

// say replaces what is shown.
func (p *progress) say(text string) {
	if !p.enabled || time.Since(p.started) < time.Second {
		return
	}
	fmt.Fprintf(p.streams.err, "\r\x1b[Kclockctl: %s: %s", p.command, text)
	p.shown = true
}

// erase leaves the line as it was.
func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.streams.err, "\r\x1b[K")
		p.shown = false
	}
}
