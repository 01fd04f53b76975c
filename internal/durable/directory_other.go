//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package durable

import (
	"errors"
	"fmt"
)

// Lock refuses: without a lock two processes would hand out the same timestamps.
func (d *osDirectory) Lock() error {
	return fmt.Errorf("no lock on a directory on this system: %w", errors.ErrUnsupported)
}

func (d *osDirectory) Unlock() error { return errors.ErrUnsupported }

func (d *osDirectory) Rename(from, to string) error { return errors.ErrUnsupported }

func (d *osDirectory) Sync() error { return errors.ErrUnsupported }
