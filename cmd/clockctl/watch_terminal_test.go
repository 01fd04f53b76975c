//go:build unix

package main

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/terminal"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// seat is a person in front of a terminal on which a program runs.
type seat struct {
	t         *testing.T
	pty, tty  *os.File
	before    term.State // the terminal's mode at the beginning
	cmd       *exec.Cmd
	mu        sync.Mutex
	seen      strings.Builder
	forgotten int // how much of it
}

// sit opens a terminal of a size.
func sit(t *testing.T, width, height uint16) *seat {
	t.Helper()
	master, tty, err := pty.Open()
	require.NoError(t, err)
	s := &seat{t: t, pty: master, tty: tty}
	s.resize(width, height)
	s.before = s.mode()
	go func() { // ends with the test's process: a read of a terminal cannot be interrupted
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.seen.Write(buffer[:n])
			s.mu.Unlock()
		}
	}()
	return s
}

// start runs the program on the terminal.
func (s *seat) start(env []string, name string, args ...string) *seat {
	s.t.Helper()
	s.cmd = exec.CommandContext(s.t.Context(), name, args...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.tty, s.tty, s.tty
	s.cmd.Env = append([]string{"TERM=xterm", "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH")}, env...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(s.t, s.cmd.Start())
	return s
}

// watching starts `clockctl watch` of three servers.
func watching(t *testing.T, width, height uint16, env []string, flags ...string) *seat {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	args := append([]string{"watch", "-i", "50ms"}, flags...)
	for range 3 {
		args = append(args, startServer(t, fleet.Config{}))
	}
	return sit(t, width, height).start(env, path, args...)
}

func (s *seat) mode() term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.tty.Fd()))
	require.NoError(s.t, err)
	return *state
}

func (s *seat) resize(width, height uint16) {
	s.t.Helper()
	require.NoError(s.t, pty.Setsize(s.pty, &pty.Winsize{Cols: width, Rows: height}))
}

// types sends keys.
func (s *seat) types(keys string) {
	s.t.Helper()
	_, err := s.pty.WriteString(keys)
	require.NoError(s.t, err)
}

// sees waits for a text in what came since the last forget, and returns all of that.
func (s *seat) sees(text string) (seen string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		seen = s.seen.String()[s.forgotten:]
		return strings.Contains(seen, text)
	}, 10*time.Second, time.Millisecond, "%q in %q", text, seen)
	return seen
}

func (s *seat) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten = s.seen.Len()
}

// ends waits for the program's end with a code, and for a terminal as it was: its mode, the
// normal screen, a cursor, wrapping, and the last update in a line.
func (s *seat) ends(code int) {
	s.t.Helper()
	err := s.cmd.Wait()
	require.Equal(s.t, code, s.cmd.ProcessState.ExitCode(), "%v", err)
	require.Equal(s.t, s.before, s.mode())
	seen := s.sees("; 3 of 3 agree\r\n")
	_, after, found := strings.Cut(seen, "\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?1049l")
	require.True(s.t, found)
	require.Regexp(s.t, `^\d\d:\d\d:\d\d Z  clock .* (slow|fast), less than its error of .*; 3 of 3 agree\r\n$`, after)
}

func TestWatchTerminal_WhateverEndsIt(t *testing.T) {
	for name, end := range map[string]func(s *seat){
		"q":       func(s *seat) { s.types("q") },
		"Ctrl-C":  func(s *seat) { s.types("\x03") },
		"Ctrl-D":  func(s *seat) { s.types("\x04") },
		"SIGINT":  func(s *seat) { _ = s.cmd.Process.Signal(syscall.SIGINT) },
		"SIGTERM": func(s *seat) { _ = s.cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(s *seat) { _ = s.cmd.Process.Signal(syscall.SIGHUP) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := watching(t, 80, 24, nil)
			seen := s.sees("3 of 3 agree")
			require.True(t, strings.HasPrefix(seen, "\x1b[?1049h\x1b[?25l"), "the alternate screen, no cursor: %q", seen[:20])
			require.NotEqual(t, s.before, s.mode(), "raw")
			s.types("x\x1b[A") // means nothing
			s.forget()
			s.sees("3 of 3 agree")
			end(s)
			s.ends(0)
		})
	}
}

// TestWatchTerminal_AKill cannot be helped: the help says to type reset.
func TestWatchTerminal_AKill(t *testing.T) {
	s := watching(t, 80, 24, nil)
	s.sees("3 of 3 agree")
	require.NoError(t, s.cmd.Process.Kill())
	require.Error(t, s.cmd.Wait())
	require.NotEqual(t, s.before, s.mode())
}

func TestWatchTerminal_EndsByItself(t *testing.T) {
	for _, flags := range [][]string{{"--count", "3"}, {"--for", "400ms"}} {
		s := watching(t, 80, 24, nil, flags...)
		s.sees("3 of 3 agree")
		s.ends(0)
	}
}

// TestWatchTerminal_Resizes: a picture has as many lines as the terminal, each erased first.
func TestWatchTerminal_Resizes(t *testing.T) {
	s := watching(t, 80, 24, nil)
	picture := func() string {
		s.forget()
		const top = "\x1b[H\x1b[Kclockctl watch"
		var lines string
		require.Eventually(t, func() bool {
			parts := strings.Split(s.sees(top), top)
			if len(parts) < 3 {
				return false
			}
			lines = parts[len(parts)-2] // a whole one
			return true
		}, 10*time.Second, time.Millisecond)
		return lines
	}
	for _, size := range [][2]uint16{{80, 24}, {200, 60}, {30, 8}, {80, 24}} {
		s.resize(size[0], size[1])
		require.Eventually(t, func() bool { return strings.Count(picture(), "\r\n")+1 == int(size[1]) }, 10*time.Second, time.Millisecond, "%v", size)
	}
	s.types("q")
	s.ends(0)
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
	require.NoError(t, s.cmd.Wait())
	seen := s.sees("\r\n")
	require.NotContains(t, seen, "\x1b")
	for _, line := range strings.Split(strings.TrimSpace(s.sees("…\r\n")), "\r\n") {
		require.Regexp(t, `^\d\d:\d\d:\d\d Z  clock .*…$`, line, "cut, not wrapped")
		require.Len(t, []rune(line), 50)
	}
	require.Equal(t, s.before, s.mode())
}

func TestWatchTerminal_Colors(t *testing.T) {
	s := watching(t, 80, 24, nil, "--count", "2")
	require.NoError(t, s.cmd.Wait())
	require.Contains(t, s.sees("\x1b[?1049l"), "\x1b[32msynchronized\x1b[0m")
	s = watching(t, 80, 24, []string{"NO_COLOR=1"}, "--count", "2")
	require.NoError(t, s.cmd.Wait())
	seen := s.sees("\x1b[?1049l")
	require.Contains(t, seen, "watch  synchronized")
	require.Empty(t, sgr.FindString(seen))
}

// TestWatchTerminal_Stopped: Ctrl-Z gives the terminal to the shell, and fg takes it again.
func TestWatchTerminal_Stopped(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	script := `"$0" watch -i 50ms "$1"; echo STOPPED $?; read line; fg >/dev/null; echo CODE $?`
	s := sit(t, 80, 24).start(nil, "sh", "-m", "-c", script, path, startServer(t, fleet.Config{}))
	s.sees("1 of 1 agree")
	s.types("\x1a")
	s.sees("\x1b[?1049l")
	s.sees("STOPPED ")
	require.Equal(t, s.before, s.mode())
	s.forget()
	s.types("go on\n")
	s.sees("\x1b[?1049h")
	s.sees("1 of 1 agree")
	s.types("q")
	s.sees("CODE 0")
	require.NoError(t, s.cmd.Wait())
	require.Equal(t, s.before, s.mode())
}

// TestWatchTerminal_APanic of who draws, and of who asks: the terminal comes back first.
func TestWatchTerminal_APanic(t *testing.T) {
	for name, broken := range map[string]func(*watchSession, *liveDisplay) watchDisplay{
		"who draws": func(_ *watchSession, d *liveDisplay) watchDisplay { return &panicking{d} },
		"who asks":  func(s *watchSession, d *liveDisplay) watchDisplay { s.reach = nil; return d },
	} {
		s := sit(t, 80, 24)
		local, err := truetime.NewLocalClock()
		require.NoError(t, err)
		session, err := newWatchSession(ntpprobe.Config{Servers: ntpprobe.Servers(startServer(t, fleet.Config{})), Local: local}, 10*time.Millisecond)
		require.NoError(t, err)
		screen, err := terminal.Open(s.tty, s.tty)
		require.NoError(t, err)
		require.NotEqual(t, s.before, s.mode(), name)
		display := broken(session, &liveDisplay{s: streams{out: s.tty}, screen: screen})
		require.Panics(t, func() { _ = watch(t.Context(), session, display, watchFlags{}) }, name)
		require.Equal(t, s.before, s.mode(), name)
		s.sees("\x1b[?25h\x1b[?1049l")
	}
}

type panicking struct{ *liveDisplay }

func (panicking) update(watched) error { panic("while drawing") }
