// Command clockctl shows how wrong the clocks are, and why. It reads clocks and
// asks time servers; it never sets a clock and needs no root.
package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	os.Exit(mainCode(standardStreams()))
}

// mainCode is main without the exit, so that deferred calls run and tests can
// use it as a program.
func mainCode(s streams) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	return run(ctx, os.Args[1:], s)
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
