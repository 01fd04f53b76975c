//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/terminal"
	"github.com/trueclock/trueclock/internal/terminal/terminaltest"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// seat is a person who watches.
type seat struct{ *terminaltest.Seat }

// watching starts `clockctl watch` of three servers.
func watching(t *testing.T, width, height uint16, env []string, flags ...string) seat {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	args := append([]string{"watch", "-i", "50ms"}, flags...)
	for range 3 {
		args = append(args, startServer(t, fleet.Config{}))
	}
	return seat{terminaltest.Sit(t, width, height).Start(env, path, args...)}
}

// ends waits for the program's end with a code, and for a terminal as it was, with the last
// update in a line.
func (s seat) ends(t *testing.T, code int) {
	t.Helper()
	err := s.Cmd.Wait()
	require.Equal(t, code, s.Cmd.ProcessState.ExitCode(), "%v", err)
	require.Equal(t, s.Before, s.Mode())
	seen := s.Sees("; 3 of 3 agree\r\n")
	_, after, found := strings.Cut(seen, "\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?1049l")
	require.True(t, found)
	require.Regexp(t, `^\d\d:\d\d:\d\d Z  clock .* (slow|fast), less than its error of .*; 3 of 3 agree\r\n$`, after)
}

func TestWatchTerminal_WhateverEndsIt(t *testing.T) {
	for name, end := range map[string]func(s seat){
		"q":       func(s seat) { s.Types("q") },
		"Ctrl-C":  func(s seat) { s.Types("\x03") },
		"Ctrl-D":  func(s seat) { s.Types("\x04") },
		"SIGINT":  func(s seat) { _ = s.Cmd.Process.Signal(syscall.SIGINT) },
		"SIGTERM": func(s seat) { _ = s.Cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(s seat) { _ = s.Cmd.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := watching(t, 80, 24, nil)
			seen := s.Sees("3 of 3 agree")
			require.True(t, strings.HasPrefix(seen, "\x1b[?1049h\x1b[?25l"), "the alternate screen, no cursor: %q", seen[:20])
			require.NotEqual(t, s.Before, s.Mode(), "raw")
			s.Types("x\x1b[A") // means nothing
			s.Forget()
			s.Sees("3 of 3 agree")
			end(s)
			s.ends(t, 0)
		})
	}
}

// TestWatchTerminal_ACrash: the terminal comes back also if nothing of the program is left to do it.
func TestWatchTerminal_ACrash(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGQUIT, syscall.SIGABRT} {
		s := watching(t, 80, 24, nil)
		s.Sees("3 of 3 agree")
		require.NotEqual(t, s.Before, s.Mode())
		require.NoError(t, s.Cmd.Process.Signal(signal))
		require.Error(t, s.Cmd.Wait())
		s.Restored()
	}
}

func TestWatchTerminal_EndsByItself(t *testing.T) {
	for _, flags := range [][]string{{"--count", "3"}, {"--for", "400ms"}} {
		s := watching(t, 80, 24, nil, flags...)
		s.Sees("3 of 3 agree")
		s.ends(t, 0)
	}
}

// TestWatchTerminal_Resizes: a picture has as many lines as the terminal, each erased first.
func TestWatchTerminal_Resizes(t *testing.T) {
	s := watching(t, 80, 24, nil)
	picture := func() string {
		s.Forget()
		const top = "\x1b[H\x1b[Kclockctl watch"
		var lines string
		require.Eventually(t, func() bool {
			parts := strings.Split(s.Sees(top), top)
			if len(parts) < 3 {
				return false
			}
			lines = parts[len(parts)-2] // a whole one
			return true
		}, 10*time.Second, time.Millisecond)
		return lines
	}
	for _, size := range [][2]uint16{{80, 24}, {200, 60}, {30, 8}, {80, 24}} {
		s.Resize(size[0], size[1])
		require.Eventually(t, func() bool { return strings.Count(picture(), "\r\n")+1 == int(size[1]) }, 10*time.Second, time.Millisecond, "%v", size)
	}
	s.Types("q")
	s.ends(t, 0)
}

// TestWatchTerminal_AResizeIsSeenAtOnce, not only with the next second or update.
func TestWatchTerminal_AResizeIsSeenAtOnce(t *testing.T) {
	var display recordingDisplay
	display.resized = make(chan os.Signal, 1)
	display.resized <- syscall.SIGWINCH
	c := ntpprobe.Config{Servers: ntpprobe.Servers(startServer(t, fleet.Config{Reply: fleet.Silent}))}
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	c.Local, c.Poll = local, ntpprobe.PollPolicy{BurstInterval: time.Hour, Timeout: 5 * time.Second}
	session, err := newWatchSession(c, time.Hour)
	require.NoError(t, err)
	display.typed = make(chan byte)
	display.drawn = func(n int) {
		if n == 2 { // the first picture, and the one of the resize
			go func() { display.typed <- 'q' }()
		}
	}
	require.NoError(t, watch(t.Context(), session, &display, watchFlags{}))
	require.Equal(t, []os.Signal{syscall.SIGWINCH}, display.told)
	require.GreaterOrEqual(t, display.draws, 2)
}

// recordingDisplay is a terminal without one.
type recordingDisplay struct {
	streamDisplay
	resized chan os.Signal
	typed   chan byte
	drawn   func(int)
	draws   int
	told    []os.Signal
}

func (d *recordingDisplay) update(watched) error      { return nil }
func (d *recordingDisplay) redraw(watched) error      { d.draws++; d.drawn(d.draws); return nil }
func (d *recordingDisplay) keys() <-chan byte         { return d.typed }
func (d *recordingDisplay) changes() <-chan os.Signal { return d.resized }
func (d *recordingDisplay) changed(s os.Signal) error { d.told = append(d.told, s); return nil }

func TestWatchTerminal_Dumb(t *testing.T) {
	s := watching(t, 50, 24, []string{"TERM=dumb"}, "--count", "2")
	require.NoError(t, s.Cmd.Wait())
	seen := s.Sees("\r\n")
	require.NotContains(t, seen, "\x1b")
	for _, line := range strings.Split(strings.TrimSpace(s.Sees("…\r\n")), "\r\n") {
		require.Regexp(t, `^\d\d:\d\d:\d\d Z  clock .*…$`, line, "cut, not wrapped")
		require.Len(t, []rune(line), 50)
	}
	require.Equal(t, s.Before, s.Mode())
}

func TestWatchTerminal_Colors(t *testing.T) {
	s := watching(t, 80, 24, nil, "--count", "2")
	require.NoError(t, s.Cmd.Wait())
	require.Contains(t, s.Sees("\x1b[?1049l"), "\x1b[32msynchronized\x1b[0m")
	s = watching(t, 80, 24, []string{"NO_COLOR=1"}, "--count", "2")
	require.NoError(t, s.Cmd.Wait())
	seen := s.Sees("\x1b[?1049l")
	require.Contains(t, seen, "watch  synchronized")
	require.Empty(t, sgr.FindString(seen))
}

// TestWatchTerminal_WithoutKeys: what is said of keys is true where none can arrive.
func TestWatchTerminal_WithoutKeys(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	s := terminaltest.Sit(t, 80, 24).Start(nil, "sh", "-c", `"$0" watch -i 50ms "$1" </dev/null`, path, startServer(t, fleet.Config{}))
	s.Sees("Ctrl-C quits")
	s.Sees("1 of 1 agree")
	s.Types("\x03") // the terminal makes a signal of it
	s.Restored()
	_ = s.Cmd.Wait() // the shell has it too
	require.NotContains(t, s.Sees(""), "q quits")
}

// TestWatchTerminal_Stopped: Ctrl-Z gives the terminal to the shell, and fg takes it again.
func TestWatchTerminal_Stopped(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	const script = `"$0" watch -i 50ms "$1"; echo STOPPED $?; read line; fg >/dev/null; echo CODE $?`
	s := terminaltest.Sit(t, 80, 24).Start(nil, "sh", "-m", "-c", script, path, startServer(t, fleet.Config{}))
	s.Sees("1 of 1 agree")
	s.Types("\x1a")
	s.Sees("STOPPED ")
	s.Restored()
	s.Forget()
	s.Types("go on\n")
	s.Sees("\x1b[?1049h")
	s.Sees("1 of 1 agree")
	s.Types("q")
	s.Sees("CODE 0")
	require.NoError(t, s.Cmd.Wait())
	require.Equal(t, s.Before, s.Mode())
}

// TestWatchTerminal_APanic of who draws: the terminal comes back first.
func TestWatchTerminal_APanic(t *testing.T) {
	s := terminaltest.Sit(t, 80, 24)
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	session, err := newWatchSession(ntpprobe.Config{Servers: ntpprobe.Servers(startServer(t, fleet.Config{})), Local: local}, 10*time.Millisecond)
	require.NoError(t, err)
	screen, err := terminal.Open(s.TTY, s.TTY)
	require.NoError(t, err)
	require.NotEqual(t, s.Before, s.Mode())
	display := panicking{&liveDisplay{s: streams{out: s.TTY}, screen: screen}}
	require.Panics(t, func() { _ = watch(t.Context(), session, display, watchFlags{}) })
	require.Equal(t, s.Before, s.Mode())
	s.Sees("\x1b[?25h\x1b[?1049l")
}

type panicking struct{ *liveDisplay }

func (panicking) update(watched) error { panic("while drawing") }
