//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock locks the directory itself, so that there is no lock file which somebody
// could delete while it is held.
func (d *osDirectory) Lock() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return ErrLocked
		}
		return &os.PathError{Op: "flock", Path: d.path, Err: err}
	}
	d.held = f
	return nil
}

// Unlock does not leave it to Close: a process that is just being started by another goroutine has a copy of the
// descriptor until it executes its program, and the lock would last as long.
func (d *osDirectory) Unlock() error {
	return errors.Join(unix.Flock(int(d.held.Fd()), unix.LOCK_UN), d.held.Close())
}

func (d *osDirectory) Rename(from, to string) error { return os.Rename(d.at(from), d.at(to)) }

func (d *osDirectory) Sync() error { return d.held.Sync() }
