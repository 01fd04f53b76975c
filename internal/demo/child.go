package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

// patience is how long a process may take to say something.
const patience = 10 * time.Second

// errSilent: it has not said anything for that long.
var errSilent = fmt.Errorf("it has said nothing for %v", patience)

// process is one that runs.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	lines  chan string   // closed when it says no more
	unread chan struct{} // closed when nobody wants to hear it any more
}

// spawn starts a process of this program. It ends with ctx at the latest. It must be killed.
func (s *stage) spawn(ctx context.Context, role string, args ...string) (*process, error) {
	if s.options.Child == nil {
		return nil, errors.New("this lesson needs processes of its own, and Options.Child starts none")
	}
	p := &process{Cmd: s.options.Child(ctx, append([]string{role}, args...)...), lines: make(chan string), unread: make(chan struct{})}
	p.WaitDelay = time.Second
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	go p.listen(out)
	return p, nil
}

// listen ends when the process does, or nobody wants to hear it.
func (p *process) listen(out io.Reader) {
	defer close(p.lines)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		select {
		case p.lines <- lines.Text():
		case <-p.unread:
			return
		}
	}
}

// line returns the next line that it prints, or errSilent.
func (p *process) line() (string, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case line, more := <-p.lines:
		if !more {
			return "", fmt.Errorf("process %d has ended", p.Process.Pid)
		}
		return line, nil
	case <-timer.C:
		return "", errSilent
	}
}

// kill ends it as a power cut would: it cannot do anything any more.
func (p *process) kill() error {
	close(p.unread)
	err := p.Process.Kill()
	for range p.lines { // until the end of what it said
	}
	_ = p.Wait() // it was killed
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
