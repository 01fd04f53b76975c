package record

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock keeps other recorders away. The system lets go of it when the process ends. A lock of
// Windows keeps readers out as well, so it is on one byte far beyond any line.
func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return err
}

// move closes the file first: Windows does not rename an open one.
func move(f *os.File, from, to string) error {
	_ = f.Close() // it was synced
	return os.Rename(from, to)
}
