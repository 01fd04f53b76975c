//go:build unix && !solaris && !illumos && !aix

package record

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock keeps other recorders away. The system lets go of it when the process ends.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOLCK) || errors.Is(err, unix.ENOSYS) {
		return nil // a file system without locks: nobody else is told apart
	}
	return err
}

// move renames an open file.
func move(_ *os.File, from, to string) error { return os.Rename(from, to) }
