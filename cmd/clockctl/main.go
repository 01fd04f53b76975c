// Command clockctl shows how wrong the clocks are, and why. It reads clocks and
// asks time servers; it never sets a clock and needs no root.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/trueclock/trueclock/internal/terminal"
)

func main() {
	if terminal.Guard() {
		return
	}
	os.Exit(mainCode(standardStreams()))
}

// mainCode is main without the exit, so that deferred calls run and tests can
// use it as a program.
func mainCode(s streams) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	return endsAfter(ctx, patience, os.Args[1:], s, func() int { return run(ctx, os.Args[1:], s) })
}

// patience is how long a command may go on after a signal, to print what is known and to close what is
// open. Serve takes the longest, for answers under way.
const patience = 3 * time.Second

// endsAfter returns what command returns, but waits no longer for it than patience once ctx has ended: it may hang
// in a read that nothing ends, of a pipe for one, or be deep in a long computation.
func endsAfter(ctx context.Context, patience time.Duration, args []string, s streams, command func() int) int {
	code := make(chan int, 1)
	go func() { code <- command() }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	select {
	case c := <-code:
		return c
	case <-time.After(patience):
	}
	err := interruption(ctx)
	cmd, _, _ := newRoot(s, args).Find(args) // the root, if there is no such command
	fmt.Fprintf(s.err, "%s: %v\n", named(cmd), err)
	return exitCode(err)
}

// impatience is how long after the first signal another one does nothing: timeout(1) sends one to
// the program and, at the same time, one to its group.
const impatience = 500 * time.Millisecond

// interruptible returns a context that the first SIGINT or SIGTERM ends, with
// the signal as its cause. A second one, of somebody who lost patience, kills as usual.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			cancel(&interruptedError{signal: s})
		case <-ended:
			return
		}
		select {
		case <-time.After(impatience):
			signal.Stop(signals)
		case <-ended:
		}
	}()
	// A signal that comes after the end, and before the exit, changes nothing any more.
	return ctx, sync.OnceFunc(func() { close(ended); cancel(nil) })
}
