//go:build unix

package terminal

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"github.com/trueclock/trueclock/internal/terminal/terminaltest"
)

// TestMain lets this binary be its own guard, and the program of guard_test.go.
func TestMain(m *testing.M) {
	if Guard() {
		return
	}
	if len(os.Args) > 1 && endings[os.Args[1]] != nil {
		drawAndEnd(endings[os.Args[1]])
	}
	os.Exit(m.Run())
}

func TestScreen_GivesTheTerminalBack(t *testing.T) {
	w := terminaltest.Sit(t, 80, 24)
	s, err := Open(w.TTY, w.TTY)
	require.NoError(t, err)
	require.NotEqual(t, w.Before, w.Mode(), "raw")
	width, height := s.Size()
	require.Equal(t, []int{80, 24}, []int{width, height})
	require.NoError(t, s.Draw([]string{"first", "second"}))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "a second time does nothing")
	require.Equal(t, w.Before, w.Mode())
	seen := w.Sees(leave)
	require.Equal(t, enter+home+eraseLine+"first\r\n"+eraseLine+"second"+strings.Repeat("\r\n"+eraseLine, 22)+leave, seen)
}

func TestScreen_APanicGivesItBackToo(t *testing.T) {
	w := terminaltest.Sit(t, 80, 24)
	require.PanicsWithValue(t, "in the midst", func() {
		s, err := Open(w.TTY, w.TTY)
		require.NoError(t, err)
		defer s.Close()
		panic("in the midst")
	})
	require.Equal(t, w.Before, w.Mode())
	w.Sees(leave)
}

func TestScreen_KeysAndSizes(t *testing.T) {
	w := terminaltest.Sit(t, 80, 24)
	s, err := Open(w.TTY, w.TTY)
	require.NoError(t, err)
	defer s.Close()
	w.Types("q\x03") // no signal: it is raw
	for _, want := range []byte{'q', CtrlC} {
		select {
		case key := <-s.Keys():
			require.Equal(t, want, key)
		case <-time.After(10 * time.Second):
			t.Fatalf("%q did not arrive", want)
		}
	}
	w.Resize(200, 60)
	width, height := s.Size()
	require.Equal(t, []int{200, 60}, []int{width, height})
}

// TestScreen_GoesOnAfterAStop: the shell that stopped the program changed the mode.
func TestScreen_GoesOnAfterAStop(t *testing.T) {
	w := terminaltest.Sit(t, 80, 24)
	s, err := Open(w.TTY, w.TTY)
	require.NoError(t, err)
	defer s.Close()
	raw := w.Mode()
	require.NoError(t, term.Restore(int(w.TTY.Fd()), &w.Before))
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGCONT))
	select {
	case signal := <-s.Changed():
		require.True(t, Continued(signal))
	case <-time.After(10 * time.Second):
		t.Fatal("no signal came")
	}
	require.NoError(t, s.Take())
	require.Equal(t, raw, w.Mode())
	require.NoError(t, s.Close())
	require.Equal(t, w.Before, w.Mode(), "that of the beginning")
}

func TestScreen_IsNotForAPipe(t *testing.T) {
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer in.Close()
	defer out.Close()
	_, err = Open(in, out)
	require.EqualError(t, err, "terminal: the output is no terminal")
}
