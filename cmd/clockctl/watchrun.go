package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/trueclock/trueclock/internal/terminal"
)

// watchDisplay is where updates go. The channels of one that is no terminal are nil.
type watchDisplay interface {
	// update shows a new update.
	update(w watched) error
	// redraw shows the present in between; only a live terminal does.
	redraw(w watched) error
	// keys and changes come from the terminal.
	keys() <-chan byte
	changes() <-chan os.Signal
	// changed and suspend handle what only a terminal knows.
	changed(os.Signal) error
	suspend() error
	close() error
}

// errWatchedEnough ends a watch that did what it was asked for.
var errWatchedEnough = errors.New("done")

// errQuit ends a watch because a person wants it.
var errQuit = errors.New("quit")

// watch shows updates until it is told to end.
func watch(parent context.Context, session *watchSession, display watchDisplay, flags watchFlags) (err error) {
	defer func() { err = errors.Join(err, display.close()) }() // also if something panics
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	hangUp := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signal.Notify(hangUp, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE) // a write says so instead
	defer func() { signal.Stop(hangUp); signal.Reset(syscall.SIGPIPE) }()
	ended := make(chan error, 1)
	var polling sync.WaitGroup
	polling.Go(func() { ended <- session.prober.Run(ctx, session.publish) })
	loop := watchLoop{session: session, display: display, flags: flags, hangUp: hangUp, ended: ended}
	why := loop.run(ctx)
	err = errors.Join(loop.end(why, parent), display.close())
	cancel(why)
	polling.Wait()
	return err
}

// watchLoop is one run of watch.
type watchLoop struct {
	session *watchSession
	display watchDisplay
	flags   watchFlags
	hangUp  <-chan os.Signal
	ended   <-chan error
	last    watched
	shown   int
}

// run returns why it ended: errWatchedEnough, errQuit, the context's cause, or what went wrong.
func (l *watchLoop) run(ctx context.Context) error {
	if l.flags.length > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, l.flags.length, errWatchedEnough)
		defer cancel()
		ctx = limited
	}
	if err := l.display.redraw(l.session.look()); err != nil {
		return err
	}
	seconds := time.NewTicker(time.Second) // between updates a live terminal shows how the interval ages
	defer seconds.Stop()
	updates := time.NewTicker(l.session.pause)
	defer updates.Stop()
	asked, ticks := l.session.asked, (<-chan time.Time)(nil)
	for {
		var err error
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-l.hangUp:
			err = errQuit
		case err = <-l.ended:
		case <-asked:
			asked, ticks = nil, updates.C
			updates.Reset(l.session.pause)
			err = l.update()
		case <-ticks:
			err = l.update()
		case <-seconds.C:
			err = l.display.redraw(l.session.look())
		case s := <-l.display.changes():
			err = errors.Join(l.display.changed(s), l.display.redraw(l.session.look()))
		case key := <-l.display.keys():
			err = l.key(key)
		}
		if err != nil {
			return err
		}
	}
}

func (l *watchLoop) update() error {
	l.last = l.session.update()
	l.shown++
	if err := l.display.update(l.last); err != nil {
		return err
	}
	if l.shown == l.flags.count {
		return errWatchedEnough
	}
	return nil
}

func (l *watchLoop) key(key byte) error {
	switch key {
	case 'q', 'Q', terminal.CtrlC, terminal.CtrlD:
		return errQuit
	case terminal.CtrlZ:
		return errors.Join(l.display.suspend(), l.display.redraw(l.session.look()))
	case terminal.CtrlL:
		return l.display.redraw(l.session.look())
	}
	return nil
}

// end turns the reason into what the program ends with. Somebody who ends it before the first
// update sees what is known.
func (l *watchLoop) end(why error, parent context.Context) error {
	wanted := errors.Is(why, errWatchedEnough) || errors.Is(why, errQuit) || interruption(parent) != nil
	if wanted && l.shown == 0 {
		if err := l.update(); err != nil && !errors.Is(err, errWatchedEnough) {
			why, wanted = err, false
		}
	}
	switch {
	case errors.Is(why, syscall.EPIPE), errors.Is(why, io.ErrClosedPipe):
		return nil // nobody reads any more
	case !wanted:
		return why
	case errors.Is(why, errWatchedEnough):
		return judge(l.last.report)
	}
	return nil
}
