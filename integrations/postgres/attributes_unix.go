//go:build unix && !linux

package main

import "syscall"

// attributes has the server run as its owner, in a group of its own, which a Ctrl-C does not reach.
func attributes(o *owner) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if o != nil {
		a.Credential = &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}
	}
	return a
}
