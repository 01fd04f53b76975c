package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// roles are the processes that lessons start, kill and stop, by what they are called with.
var roles = map[string]func(ctx context.Context, in io.Reader, out io.Writer, args []string) error{
	"stamper": stamper,
	"holder":  holder,
	"storage": storage,
	"beater":  beater,
	"watcher": watcher,
}

// Child is the main program of a process that a lesson started by Options.Child. It ends with its input, so that
// it does not outlive the lesson.
func Child(ctx context.Context, in io.Reader, out io.Writer, args []string) error {
	if len(args) == 0 || roles[args[0]] == nil {
		return errors.New("demo: this is no process of a lesson")
	}
	return roles[args[0]](ctx, in, out, args[1:])
}

// errNoSignals: a lesson cannot be given here. It is left out.
var errNoSignals = errors.New("this system cannot make a process stand still (SIGSTOP)")

// process is one that runs.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// spawn starts a process of this program. It ends with ctx at the latest.
func (s *stage) spawn(ctx context.Context, role string, args ...string) (*process, error) {
	if s.options.Child == nil {
		return nil, errors.New("this lesson needs processes of its own, and Options.Child starts none")
	}
	p := &process{Cmd: s.options.Child(ctx, append([]string{role}, args...)...)}
	p.WaitDelay = time.Second
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.lines = bufio.NewScanner(out)
	return p, p.Start()
}

// line returns the next line that it prints.
func (p *process) line() (string, error) {
	if p.lines.Scan() {
		return p.lines.Text(), nil
	}
	return "", fmt.Errorf("process %d ended: %w", p.Process.Pid, errors.Join(p.lines.Err(), p.Wait()))
}

// kill ends it as a power cut would: it cannot do anything any more.
func (p *process) kill() error {
	if err := p.Process.Kill(); err != nil {
		return err
	}
	_ = p.Wait() // it was killed
	return nil
}
