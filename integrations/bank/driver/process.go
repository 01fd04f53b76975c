package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/shard"
)

const (
	readyWait = time.Minute // on a machine that does something else as well
	exitWait  = 10 * time.Second
)

// process is a shard as this program sees it: a child that can be killed, paused and started again. It
// keeps its address, since its listening socket is ours.
type process struct {
	config  shard.Config
	socket  *os.File
	errors  lockedBuffer
	command *exec.Cmd
	stdin   io.Closer
	exited  chan struct{} // closed when the child is gone
}

// listenFor returns a listening socket for a child, and its address.
func listenFor() (*os.File, string, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, "", err
	}
	defer listener.Close() // the file has the socket, too
	socket, err := listener.File()
	return socket, listener.Addr().String(), err
}

// start runs the child and returns when it serves.
func (p *process) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(self, Argument)
	command.ExtraFiles = []*os.File{p.socket}
	command.Stderr = &p.errors
	// In a process group of its own: Control-C is for this program, and a child that is stopped while this program dies is woken
	// and hung up on by the kernel.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	exited, ready := make(chan struct{}), make(chan error, 1)
	p.command, p.stdin, p.exited = command, stdin, exited
	go func() {
		ready <- handshake(stdin, stdout, p.config)
		_, _ = io.Copy(io.Discard, stdout)
		_ = command.Wait()
		close(exited)
	}()
	select {
	case err = <-ready:
	case <-time.After(readyWait):
		err = fmt.Errorf("not within %v", readyWait)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		err = errors.Join(err, p.kill()) // before its last words are read
		return fmt.Errorf("shard %d did not start: %w\n%s", p.config.Number, err, p.errors.String())
	}
	return nil
}

// handshake tells the child what it is, and returns when it serves.
func handshake(stdin io.Writer, stdout io.Reader, config shard.Config) error {
	if err := json.NewEncoder(stdin).Encode(config); err != nil {
		return err
	}
	_, err := bufio.NewReader(stdout).ReadString('\n')
	return err
}

// kill ends the child as a power cut does, and returns when it is gone.
func (p *process) kill() error {
	if p.command == nil {
		return nil
	}
	err := p.command.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// pause stops the child until resume. It may be gone.
func (p *process) pause()  { _ = p.command.Process.Signal(syscall.SIGSTOP) }
func (p *process) resume() { _ = p.command.Process.Signal(syscall.SIGCONT) }

// stop asks the child to end, and kills it if it does not.
func (p *process) stop() error {
	defer p.socket.Close()
	if p.command == nil {
		return nil
	}
	p.resume()
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(exitWait):
		return errors.Join(fmt.Errorf("shard %d did not end", p.config.Number), p.kill())
	}
	if code := p.command.ProcessState.ExitCode(); code > 0 { // by itself
		return fmt.Errorf("shard %d ended with %d", p.config.Number, code)
	}
	return nil
}
