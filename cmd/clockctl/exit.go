package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Exit codes of every subcommand; see each --help.
const (
	exitGood        = 0
	exitBad         = 1 // it ran, and the answer is bad
	exitUsage       = 64
	exitInterrupted = 130
	exitTerminated  = 143
)

// usageError is a mistake in the command line: nothing was sent.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// misuse is the error of a command whose flags are wrong.
func misuse(cmd *cobra.Command, err error) error {
	if errors.As(err, new(*usageError)) {
		return err
	}
	return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
}

// badAnswer is the error of a command that ran and whose answer is bad. Its
// text says what to do next.
type badAnswer struct {
	code string // as in the JSON error object
	text string
	err  error
}

func (e *badAnswer) Error() string { return e.text }
func (e *badAnswer) Unwrap() error { return e.err }

// codedError ends with a code that the subcommand chose.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// interruptedError is the cause of a context that a signal ended.
type interruptedError struct{ signal os.Signal }

func (e *interruptedError) Error() string { return "interrupted by signal " + e.signal.String() }

// exitCode maps an error to the exit code.
func exitCode(err error) int {
	var interrupted *interruptedError
	var usage *usageError
	var coded *codedError
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &interrupted) && interrupted.signal == syscall.SIGTERM:
		return exitTerminated
	case errors.As(err, &interrupted):
		return exitInterrupted
	case errors.As(err, &usage), isConfiguration(err):
		return exitUsage
	}
	return exitBad
}

// isConfiguration reports whether the library refused the arguments before it
// sent anything.
func isConfiguration(err error) bool {
	var config *ntpprobe.ConfigError
	var address *ntpprobe.AddressError
	return errors.As(err, &config) || errors.As(err, &address)
}

// errorCode is the code of an error in JSON that has none of its own.
func errorCode(err error) string {
	switch {
	case errors.As(err, new(*interruptedError)):
		return "interrupted"
	case errors.As(err, new(*usageError)), isConfiguration(err):
		return "usage"
	}
	return "internal"
}

// interruption returns the signal that ended the context, as an error, or nil.
func interruption(ctx context.Context) error {
	var interrupted *interruptedError
	if errors.As(context.Cause(ctx), &interrupted) {
		return interrupted
	}
	return nil
}
