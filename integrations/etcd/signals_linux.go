package main

import "syscall"

// diesWithParent has the kernel kill a child with the process that started it: one that is stopped cannot see its input end.
func diesWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func stop(c *child) error    { return c.signal(syscall.SIGSTOP) }
func proceed(c *child) error { return c.signal(syscall.SIGCONT) }
