//go:build unix && !linux

package main

import "syscall"

// attributes has the server run as its owner.
func attributes(o *owner) *syscall.SysProcAttr {
	if o == nil {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(o.uid), Gid: uint32(o.gid)}}
}
