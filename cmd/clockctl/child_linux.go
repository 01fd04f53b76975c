package main

import (
	"os/exec"
	"syscall"
)

// bind lets a process end with this one however this one ends, stopped as it may be, and keeps the signals of
// the terminal from it: who is interrupted ends its processes itself.
func bind(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
