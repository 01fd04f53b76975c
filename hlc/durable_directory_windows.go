package hlc

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock locks a file, for Windows locks no directory.
func (d *osDirectory) lock() error {
	f, err := os.OpenFile(d.at("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	if err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{}); err != nil {
		_ = f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return ErrLocked
		}
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	d.held = f
	return nil
}

// rename returns when the new name is on the disk: Windows syncs no directory.
func (d *osDirectory) rename(from, to string) error {
	old, err := windows.UTF16PtrFromString(d.at(from))
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(d.at(to))
	if err != nil {
		return err
	}
	return windows.MoveFileEx(old, name, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

func (d *osDirectory) sync() error { return nil }
