package terminal

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/term"
)

// What xterm's control sequences do, and every terminal of today understands.
const (
	enter     = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"      // the alternate screen, no cursor, no wrapping, empty
	leave     = "\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?1049l" // all that back; emptied first, or tmux keeps lines of it after a resize
	home      = "\x1b[H"
	eraseLine = "\x1b[K" // to the right of the cursor
)

// Keys that arrive as bytes, since a raw terminal makes no signals of them.
const (
	CtrlC = 3
	CtrlD = 4
	CtrlL = 12
	CtrlZ = 26
)

// Screen is a terminal taken by Open. Close gives it back; on Unix a second process does it if this one
// ends without Close, whatever the cause.
//
// HAZARD: that needs a main function that calls [Guard] first, and the right to start a process. Where
// one of them is missing, and on Windows, the user types `reset` after a crash.
type Screen struct {
	in, out *os.File
	changed chan os.Signal
	keys    chan byte
	closed  chan struct{}
	closing sync.Once
	guard   *guard // nil if there is none

	mu     sync.Mutex
	before *term.State // of in; nil if it is no terminal
	taken  bool
}

// Open takes the terminal that out is. Keys come from in, if that is a terminal too. It returns an error,
// and leaves the terminal as it was, if out is none or its mode cannot be changed.
func Open(in, out *os.File) (*Screen, error) {
	if !term.IsTerminal(int(out.Fd())) {
		return nil, errors.New("terminal: the output is no terminal")
	}
	s := &Screen{in: in, out: out, changed: make(chan os.Signal, 1), keys: make(chan byte), closed: make(chan struct{})}
	s.guard, _ = startGuard(in, out)
	if err := s.Take(); err != nil {
		s.guard.end()
		return nil, err
	}
	notifyChanges(s.changed)
	if s.before != nil {
		go s.readKeys()
	}
	return s, nil
}

// Take takes the terminal, again if need be: after the process was stopped, the shell has
// changed its mode.
func (s *Screen) Take() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.guard.tell(taking)
	if err := s.change(); err != nil {
		err = errors.Join(err, s.restoreMode())
		s.guard.tell(given)
		return err
	}
	s.taken = true
	s.guard.tell(taken)
	_, err := s.out.WriteString(enter)
	return err
}

// change makes the mode of the terminal what it has to be.
func (s *Screen) change() error {
	if term.IsTerminal(int(s.in.Fd())) {
		before, err := term.MakeRaw(int(s.in.Fd()))
		if err != nil {
			return err
		}
		if s.before == nil {
			s.before = before
		}
	}
	return prepareOutput(s.out)
}

// Close gives the terminal back as it was. Only the first call does something.
func (s *Screen) Close() error {
	err := s.giveBack()
	s.closing.Do(func() {
		signal.Stop(s.changed)
		close(s.closed)
		s.guard.end()
	})
	return err
}

func (s *Screen) giveBack() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.taken {
		return nil
	}
	s.taken = false
	defer s.guard.tell(given)
	_, err := s.out.WriteString(leave)
	return errors.Join(err, s.restoreMode())
}

func (s *Screen) restoreMode() error {
	if s.before == nil {
		return nil
	}
	return term.Restore(int(s.in.Fd()), s.before)
}

// Size returns the columns and lines of the terminal, 80 and 24 if it does not know.
func (s *Screen) Size() (width, height int) {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width < 1 || height < 1 {
		return 80, 24
	}
	return width, height
}

// Changed receives a signal when the terminal has another size, or when the process goes
// on after it was stopped: then call Take. Both: draw again.
func (s *Screen) Changed() <-chan os.Signal { return s.changed }

// Keys receives what is typed. The bytes of a function key are left out.
func (s *Screen) Keys() <-chan byte { return s.keys }

func (s *Screen) readKeys() {
	buffer := make([]byte, 256)
	for {
		n, err := s.in.Read(buffer)
		if err != nil {
			return
		}
		for _, key := range typed(buffer[:n]) {
			select {
			case s.keys <- key:
			case <-s.closed:
				return
			}
		}
	}
}

// Draw shows lines from the top and blanks below. They must be no wider than the terminal and hold no
// control characters but colours.
func (s *Screen) Draw(lines []string) error {
	_, height := s.Size()
	var picture bytes.Buffer
	picture.WriteString(home)
	for y := range height {
		if y > 0 {
			picture.WriteString("\r\n") // raw: no carriage return is added
		}
		picture.WriteString(eraseLine) // before the text: after a full line it would erase its last character
		if y < len(lines) {
			picture.WriteString(lines[y])
		}
	}
	_, err := s.out.Write(picture.Bytes())
	return err
}
