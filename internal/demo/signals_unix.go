//go:build unix

package demo

import "syscall"

// stop makes the process stand still, at whatever instruction it is, until resume.
func (p *process) stop() error { return p.Process.Signal(syscall.SIGSTOP) }

func (p *process) resume() error { return p.Process.Signal(syscall.SIGCONT) }
