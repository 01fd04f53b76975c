package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// notifyChanges does nothing: Windows tells nobody of a new size, so a program that draws
// every second follows it a little later.
func notifyChanges(chan<- os.Signal) {}

// Continued reports whether the process was stopped and goes on, which cannot be here.
func Continued(os.Signal) bool { return false }

// Suspend does nothing: there is no shell to come back from.
func (s *Screen) Suspend() error { return nil }

// prepareOutput makes the console understand control sequences.
func prepareOutput(out *os.File) error {
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(out.Fd()), &mode); err != nil {
		return err
	}
	return windows.SetConsoleMode(windows.Handle(out.Fd()), mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
}
