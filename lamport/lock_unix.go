//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lamport

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes an exclusive lock that ends with the open file, or returns
// ErrLocked.
func lockFile(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrLocked
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}
