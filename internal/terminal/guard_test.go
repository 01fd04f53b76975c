//go:build unix

package terminal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/terminal/terminaltest"
)

// endings are how the program of drawAndEnd ends, each without giving the terminal back.
var endings = map[string]func(*Screen){
	"a panic of another goroutine":  func(*Screen) { go panic("who could know"); select {} },
	"a fault that nobody recovers":  func(*Screen) { defer func() { _ = recover() }(); new(sync.Mutex).Unlock() },
	"an exit in the midst":          func(*Screen) { os.Exit(7) },
	"SIGKILL":                       func(*Screen) { die(syscall.SIGKILL) },
	"SIGQUIT":                       func(*Screen) { die(syscall.SIGQUIT) },
	"SIGABRT":                       func(*Screen) { die(syscall.SIGABRT) },
	"SIGKILL of the whole job":      func(*Screen) { _ = syscall.Kill(0, syscall.SIGKILL) },
	"SIGTERM that nobody waits for": func(*Screen) { die(syscall.SIGTERM) },
	"a panic after a stop":          func(s *Screen) { _ = s.giveBack(); _ = s.Take(); go panic("who could know"); select {} },
}

func die(s syscall.Signal) { _ = syscall.Kill(os.Getpid(), s); select {} }

// drawAndEnd is the program that these tests run on a terminal.
func drawAndEnd(end func(*Screen)) {
	s, err := Open(os.Stdin, os.Stdout)
	if err != nil {
		panic(err)
	}
	_ = s.Draw([]string{"a picture"})
	end(s)
}

// TestGuard_WhateverEndsTheProgram: the terminal comes back, and what the runtime says is to be read
// on the normal screen.
func TestGuard_WhateverEndsTheProgram(t *testing.T) {
	path, err := os.Executable()
	require.NoError(t, err)
	says := map[string]string{
		"a panic of another goroutine": "panic: who could know\r\n", "a panic after a stop": "panic: who could know\r\n",
		"a fault that nobody recovers": "fatal error: sync: unlock of unlocked mutex\r\n", "SIGQUIT": "SIGQUIT: quit\r\n", "SIGABRT": "SIGABRT: abort\r\n",
	}
	for name := range endings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := terminaltest.Sit(t, 80, 24).Start(nil, "sh", "-m", "-c", `"$0" "$1"; echo ENDED; read line; echo DONE`, path, name)
			s.Sees("ENDED")
			s.Restored()
			seen := s.Sees(leave)
			require.Equal(t, strings.Count(seen, enter), strings.Count(seen, leave), "given back as often as taken: %q", seen)
			require.Eventually(t, func() bool { // the shell may speak in between
				return strings.Contains(strings.ReplaceAll(s.Sees(""), "ENDED\r\n", ""), leave+says[name])
			}, 10*time.Second, time.Millisecond)
			s.Types("\n")
			s.Sees("DONE")
			require.NoError(t, s.Cmd.Wait())
		})
	}
}

// TestGuard_LeavesTheModeOfAShell that was faster.
func TestGuard_LeavesTheModeOfAShell(t *testing.T) {
	s := terminaltest.Sit(t, 80, 24)
	screen, err := Open(s.TTY, s.TTY)
	require.NoError(t, err)
	defer screen.Close()
	w := watchman{in: int(s.TTY.Fd()), out: s.TTY, before: &s.Before}
	w.hear([]byte{taking, taken})
	require.True(t, w.taken)
	stty := exec.CommandContext(t.Context(), "stty", "-echo", "icanon")
	stty.Stdin = s.TTY
	require.NoError(t, stty.Run())
	shells := s.Mode()
	w.giveBack()
	require.Equal(t, shells, s.Mode())
	s.Sees(leave)
}

// TestGuard_IsMissed: a guard that was killed or stopped is no reason to stop, and nobody is left behind.
func TestGuard_IsMissed(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		s := terminaltest.Sit(t, 80, 24)
		screen, err := Open(s.TTY, s.TTY)
		require.NoError(t, err)
		require.NotNil(t, screen.guard)
		require.NoError(t, screen.guard.process.Process.Signal(signal))
		require.NoError(t, screen.giveBack())
		require.NoError(t, screen.Take())
		require.NoError(t, screen.Close())
		require.Equal(t, s.Before, s.Mode())
		require.NotNil(t, screen.guard.process.ProcessState, "waited for")
	}
}

// TestGuard_AMainFunctionWithoutIt: a program that is not prepared to be a guard is not taken for one.
func TestGuard_AMainFunctionWithoutIt(t *testing.T) {
	path, err := exec.LookPath("echo")
	require.NoError(t, err)
	_, err = startProgram(filepath.Clean(path), os.Stdin, os.Stdout)
	require.ErrorContains(t, err, "does not call Guard")
}
