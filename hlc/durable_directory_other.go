//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package hlc

import (
	"errors"
	"fmt"
)

// lock refuses: without a lock two processes would hand out the same timestamps.
func (d *osDirectory) lock() error {
	return fmt.Errorf("hlc: no lock on a directory on this system: %w", errors.ErrUnsupported)
}

func (d *osDirectory) rename(from, to string) error { return errors.ErrUnsupported }

func (d *osDirectory) sync() error { return errors.ErrUnsupported }
