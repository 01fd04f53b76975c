//go:build unix

package terminal

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"
)

// window is the other end of a terminal: what a person sees and types.
type window struct {
	pty, tty *os.File
	mu       sync.Mutex
	seen     strings.Builder
}

func newWindow(t *testing.T, width, height uint16) *window {
	t.Helper()
	master, tty, err := pty.Open()
	require.NoError(t, err)
	w := &window{pty: master, tty: tty}
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Cols: width, Rows: height}))
	go func() { // ends with the test's process: a read of a terminal cannot be interrupted
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.seen.Write(buffer[:n])
			w.mu.Unlock()
		}
	}()
	return w
}

// shows waits for text and returns all that was seen.
func (w *window) shows(t *testing.T, text string) string {
	t.Helper()
	seen := ""
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		seen = w.seen.String()
		return strings.Contains(seen, text)
	}, 10*time.Second, time.Millisecond, "%q", text)
	return seen
}

func (w *window) mode(t *testing.T) term.State {
	t.Helper()
	state, err := term.GetState(int(w.tty.Fd()))
	require.NoError(t, err)
	return *state
}

func TestScreen_GivesTheTerminalBack(t *testing.T) {
	w := newWindow(t, 80, 24)
	before := w.mode(t)
	s, err := Open(w.tty, w.tty)
	require.NoError(t, err)
	require.NotEqual(t, before, w.mode(t), "raw")
	width, height := s.Size()
	require.Equal(t, []int{80, 24}, []int{width, height})
	require.NoError(t, s.Draw([]string{"first", "second"}))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second time does nothing")
	require.Equal(t, before, w.mode(t))
	seen := w.shows(t, leave)
	require.Equal(t, enter+home+eraseLine+"first\r\n"+eraseLine+"second"+strings.Repeat("\r\n"+eraseLine, 22)+leave, seen)
}

func TestScreen_APanicGivesItBackToo(t *testing.T) {
	w := newWindow(t, 80, 24)
	before := w.mode(t)
	require.PanicsWithValue(t, "in the midst", func() {
		s, err := Open(w.tty, w.tty)
		require.NoError(t, err)
		defer s.Close()
		panic("in the midst")
	})
	require.Equal(t, before, w.mode(t))
	w.shows(t, leave)
}

func TestScreen_KeysAndSizes(t *testing.T) {
	w := newWindow(t, 80, 24)
	s, err := Open(w.tty, w.tty)
	require.NoError(t, err)
	defer s.Close()
	_, err = w.pty.WriteString("q\x03") // no signal: it is raw
	require.NoError(t, err)
	for _, want := range []byte{'q', CtrlC} {
		select {
		case key := <-s.Keys():
			require.Equal(t, want, key)
		case <-time.After(10 * time.Second):
			t.Fatalf("%q did not arrive", want)
		}
	}
	require.NoError(t, pty.Setsize(w.pty, &pty.Winsize{Cols: 200, Rows: 60}))
	width, height := s.Size()
	require.Equal(t, []int{200, 60}, []int{width, height})
}

// TestScreen_GoesOnAfterAStop: the shell that stopped the program changed the mode.
func TestScreen_GoesOnAfterAStop(t *testing.T) {
	w := newWindow(t, 80, 24)
	before := w.mode(t)
	s, err := Open(w.tty, w.tty)
	require.NoError(t, err)
	defer s.Close()
	raw := w.mode(t)
	require.NoError(t, term.Restore(int(w.tty.Fd()), &before))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGCONT))
	select {
	case signal := <-s.Changed():
		require.True(t, Continued(signal))
	case <-time.After(10 * time.Second):
		t.Fatal("no signal came")
	}
	require.NoError(t, s.Take())
	require.Equal(t, raw, w.mode(t))
	require.NoError(t, s.Close())
	require.Equal(t, before, w.mode(t), "that of the beginning")
}

func TestScreen_IsNotForAPipe(t *testing.T) {
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	defer out.Close()
	_, err = Open(in, out)
	require.EqualError(t, err, "terminal: the output is no terminal")
}
