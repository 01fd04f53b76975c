//go:build unix

package terminaltest

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"
)

// Seat is a person in front of a terminal, on which a program may run.
type Seat struct {
	TTY    *os.File   // the terminal, as a program has it
	Before term.State // its mode at the beginning
	Cmd    *exec.Cmd  // what Start started

	t         *testing.T
	pty       *os.File
	mu        sync.Mutex
	seen      strings.Builder
	forgotten int // how much of it
}

// Sit opens a terminal of a size.
func Sit(t *testing.T, width, height uint16) *Seat {
	t.Helper()
	master, tty, err := pty.Open()
	require.NoError(t, err)
	s := &Seat{TTY: tty, t: t, pty: master}
	s.Resize(width, height)
	s.Before = s.Mode()
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

// Start runs a program on the terminal, which is that of its session.
func (s *Seat) Start(env []string, name string, args ...string) *Seat {
	s.t.Helper()
	s.Cmd = exec.CommandContext(s.t.Context(), name, args...)
	s.Cmd.Stdin, s.Cmd.Stdout, s.Cmd.Stderr = s.TTY, s.TTY, s.TTY
	s.Cmd.Env = append([]string{"TERM=xterm", "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH")}, env...)
	s.Cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(s.t, s.Cmd.Start())
	return s
}

// Mode returns the terminal's mode now.
func (s *Seat) Mode() term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.TTY.Fd()))
	require.NoError(s.t, err)
	return *state
}

// Resize gives the terminal another size.
func (s *Seat) Resize(width, height uint16) {
	s.t.Helper()
	require.NoError(s.t, pty.Setsize(s.pty, &pty.Winsize{Cols: width, Rows: height}))
}

// Types sends keys.
func (s *Seat) Types(keys string) {
	s.t.Helper()
	_, err := s.pty.WriteString(keys)
	require.NoError(s.t, err)
}

// Sees waits for a text in what came since the last Forget, and returns all of that.
func (s *Seat) Sees(text string) (seen string) {
	s.t.Helper()
	if !assert.Eventually(s.t, func() bool { return strings.Contains(s.since(), text) }, 10*time.Second, time.Millisecond) {
		require.FailNow(s.t, "not seen", "%q in %q", text, s.since())
	}
	return s.since()
}

// since is what came since the last Forget.
func (s *Seat) since() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()[s.forgotten:]
}

// Forget is what Sees begins after.
func (s *Seat) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten = s.seen.Len()
}

// Restored waits until the terminal is as it was: its mode, the normal screen, a cursor, wrapping.
func (s *Seat) Restored() {
	s.t.Helper()
	const leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	require.Eventually(s.t, func() bool {
		seen := s.since()
		mode, err := term.GetState(int(s.TTY.Fd()))
		return strings.Contains(seen, leave) && strings.LastIndex(seen, "\x1b[?1049h") < strings.LastIndex(seen, "\x1b[?1049l") &&
			err == nil && *mode == s.Before
	}, 10*time.Second, time.Millisecond, "the mode and the screen")
}
