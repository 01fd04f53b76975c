//go:build !linux

package main

import (
	"errors"
	"syscall"
)

func diesWithParent() *syscall.SysProcAttr { return nil }

func stop(*child) error    { return errors.ErrUnsupported }
func proceed(*child) error { return nil }
