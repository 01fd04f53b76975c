//go:build !unix

package main

import "os/exec"

// bind has nothing to do where a process cannot be stopped: it ends with its input.
func bind(*exec.Cmd) {}
