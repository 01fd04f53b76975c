// Command clockctl shows how wrong the clocks are, and why. It reads clocks and
// asks time servers; it never sets a clock and needs no root.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

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
	return run(ctx, os.Args[1:], s)
}

// interruptible returns a context that the first SIGINT or SIGTERM ends, with
// the signal as its cause. A second signal kills as usual.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&interruptedError{signal: s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
