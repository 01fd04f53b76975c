//go:build unix

package terminal

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// guardName is the zeroth argument of a guard.
const guardName = "terminal-guard"

// What a screen tells its guard, a byte each. Whatever else a guard reads before is text.
const (
	taking = 1 + iota // from now on the terminal may have to be given back
	taken
	given
)

// guard is a second process of this program, which gives the terminal back when this one
// cannot: after a panic of any goroutine, a fault of the runtime, SIGKILL. It reads a pipe whose
// other end no one else has, so that the end of the pipe is the end of this process, whatever caused it.
//
// While the terminal is taken, standard error is that pipe too: what the runtime says of a
// crash comes before the end, so that the guard is done before a shell looks at the terminal, and the
// text is not lost with the alternate screen. A nil guard does nothing.
type guard struct {
	process *exec.Cmd
	pipe    *os.File
	stderr  int // what it was; −1 while it is that
}

// startGuard returns once the guard has seen the terminal as it is.
func startGuard(in, out *os.File) (*guard, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startProgram(path, in, out)
}

func startProgram(path string, in, out *os.File) (*guard, error) {
	process := &exec.Cmd{Path: path, Args: []string{guardName}, Stderr: os.Stderr, ExtraFiles: []*os.File{in, out}}
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // neither killed nor stopped with this one
	pipe, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	ready, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	g := &guard{process: process, pipe: pipe.(*os.File), stderr: -1}
	var answer [1]byte
	if _, err := ready.Read(answer[:]); err != nil || answer[0] != given {
		g.end()
		return nil, errors.Join(errors.New("terminal: the main function does not call Guard"), err)
	}
	return g, nil
}

// tell says what happens to the terminal, and moves standard error away from it and back.
func (g *guard) tell(what byte) {
	if g == nil {
		return
	}
	_, _ = g.pipe.Write([]byte{what}) // a guard that somebody killed is missing, no more
	switch {
	case what == taking && g.stderr < 0:
		if saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3); err == nil {
			if unix.Dup2(int(g.pipe.Fd()), 2) == nil {
				g.stderr = saved
			}
		}
	case what == given && g.stderr >= 0:
		_ = unix.Dup2(g.stderr, 2)
		_ = unix.Close(g.stderr)
		g.stderr = -1
	}
}

// end ends the guard, which has nothing to do any more, even if it was stopped.
func (g *guard) end() {
	if g != nil {
		_ = g.process.Process.Kill()
		_ = g.process.Wait() // closes the pipes; that it was killed is known
	}
}

// Guard is the main function of the process that Open starts to give the terminal back when its
// own cannot. It returns true at the end of that process, and false at once in every
// other. A main function must call it first, and return if it is true.
func Guard() bool {
	if os.Args[0] != guardName {
		return false
	}
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGTTOU, syscall.SIGTSTP, syscall.SIGPIPE)
	w := watchman{in: 3, out: os.NewFile(4, "terminal")}
	w.before, _ = term.GetState(w.in) // nil if it is no terminal
	_, _ = os.Stdout.Write([]byte{given})
	buffer := make([]byte, 4096)
	for {
		n, err := os.Stdin.Read(buffer)
		w.hear(buffer[:n])
		if err != nil {
			break
		}
	}
	w.giveBack()
	return true
}

// watchman is what a guard knows.
type watchman struct {
	in          int
	out         *os.File
	before, raw *term.State // raw is nil while it is unknown
	taken       bool
	text        bool // the first byte of a crash was heard; all that follows is text
}

func (w *watchman) hear(piece []byte) {
	for i, b := range piece {
		switch {
		case w.text, b != taking && b != taken && b != given:
			w.text = true
			w.giveBack()
			_, _ = os.Stderr.Write(piece[i:])
			return
		case b == taking:
			w.raw = nil
		case b == taken:
			w.raw, _ = term.GetState(w.in)
		}
		w.taken = b != given
	}
}

// giveBack does what Screen's giveBack did not. A mode that is not that of the screen is a
// shell's, which was faster, and stays.
func (w *watchman) giveBack() {
	if !w.taken {
		return
	}
	w.taken = false
	if now, err := term.GetState(w.in); err == nil && w.before != nil && (w.raw == nil || *now == *w.raw) {
		_ = term.Restore(w.in, w.before)
	}
	_, _ = w.out.WriteString(leave)
}
