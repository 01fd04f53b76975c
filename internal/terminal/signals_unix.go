//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// notifyChanges relays what makes a new picture necessary.
func notifyChanges(c chan<- os.Signal) { signal.Notify(c, syscall.SIGWINCH, syscall.SIGCONT) }

// Continued reports whether the signal says that the process was stopped and goes on.
func Continued(s os.Signal) bool { return s == syscall.SIGCONT }

// Suspend gives the terminal back and stops the process group, as Ctrl-Z does without a
// raw terminal. It returns with the terminal taken again when somebody lets it go on. A SIGTSTP that somebody
// else sends is not waited for: after a signal.Notify of it Go could not stop any more.
func (s *Screen) Suspend() error {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	if err := s.giveBack(); err != nil {
		return err
	}
	if err := syscall.Kill(0, syscall.SIGTSTP); err != nil {
		return err
	}
	select {
	case <-goesOn:
	case <-time.After(time.Second): // nobody could wake an orphaned group, so the system does not stop it
	}
	return s.Take()
}

// prepareOutput: a Unix terminal understands control sequences as it is.
func prepareOutput(*os.File) error { return nil }
