//go:build unix && !linux

package main

import (
	"os/exec"
	"syscall"
)

// bind makes a process a group of its own: the signals of the terminal do not reach it, and should this process be killed
// while that one is stopped, the system ends it, as it does with each stopped group that nobody is left to wake.
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
