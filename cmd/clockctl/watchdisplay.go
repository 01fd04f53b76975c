package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/trueclock/trueclock/internal/terminal"
	"github.com/trueclock/trueclock/internal/termplot"
)

// display chooses how updates are shown: an object or a line each, or the whole terminal.
func (p *probing) display(s streams) (watchDisplay, error) {
	if p.output == "ndjson" {
		return &streamDisplay{s: s, json: true}, nil
	}
	in, isFile := s.in.(*os.File)
	out, outFile := s.out.(*os.File)
	if !s.outTTY || !isFile || !outFile || dumb(s.getenv) {
		return &streamDisplay{s: s}, nil
	}
	screen, err := terminal.Open(in, out)
	if err != nil {
		return nil, err
	}
	return &liveDisplay{s: s, screen: screen, style: watchStyle{colored: p.colored(s), ascii: !braille(s.getenv), deaf: !term.IsTerminal(int(in.Fd()))}}, nil
}

// dumb reports whether the terminal can only print lines.
func dumb(getenv func(string) string) bool {
	name := getenv("TERM")
	return name == "dumb" || name == "" && runtime.GOOS != "windows"
}

// braille reports whether the terminal shows braille: not the console of Linux, whose font has
// none, and not where the locale names another encoding than UTF-8.
func braille(getenv func(string) string) bool {
	if getenv("TERM") == "linux" {
		return false
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(getenv(name)); locale != "" {
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

// streamDisplay writes one object or one line per update.
type streamDisplay struct {
	s      streams
	json   bool
	warned bool
}

func (d *streamDisplay) update(w watched) error {
	if !d.warned {
		d.warned = true
		for _, text := range sharedDomains(w.report.Sources) {
			fmt.Fprintf(d.s.err, "clockctl: watch: warning: %s\n", text)
		}
	}
	if d.json {
		return writeJSON(d.s.out, newUpdateJSON(w))
	}
	line := w.plain()
	if out, ok := d.s.out.(*os.File); ok && d.s.outTTY {
		if width, _, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
			line = termplot.Cut(line, width)
		}
	}
	_, err := fmt.Fprintln(d.s.out, line)
	return err
}

func (d *streamDisplay) redraw(watched) error      { return nil }
func (d *streamDisplay) keys() <-chan byte         { return nil }
func (d *streamDisplay) changes() <-chan os.Signal { return nil }
func (d *streamDisplay) changed(os.Signal) error   { return nil }
func (d *streamDisplay) suspend() error            { return nil }
func (d *streamDisplay) close() error              { return nil }

// liveDisplay draws on the whole terminal, and leaves one line when it gives it back.
type liveDisplay struct {
	s      streams
	screen *terminal.Screen
	style  watchStyle
	last   *watched
	closed bool
}

func (d *liveDisplay) update(w watched) error {
	d.last = &w
	return d.redraw(w)
}

func (d *liveDisplay) redraw(w watched) error {
	width, height := d.screen.Size()
	return d.screen.Draw(w.lines(width, height, d.style))
}

func (d *liveDisplay) keys() <-chan byte         { return d.screen.Keys() }
func (d *liveDisplay) changes() <-chan os.Signal { return d.screen.Changed() }
func (d *liveDisplay) suspend() error            { return d.screen.Suspend() }

func (d *liveDisplay) changed(s os.Signal) error {
	if terminal.Continued(s) {
		return d.screen.Take()
	}
	return nil
}

func (d *liveDisplay) close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	width, _ := d.screen.Size()
	err := d.screen.Close()
	if err == nil && d.last != nil {
		_, err = fmt.Fprintln(d.s.out, termplot.Cut(d.last.plain(), width))
	}
	return err
}
