package durable

import (
	"os"
	"syscall"
	"unsafe"
)

// golang.org/x/sys/windows has these too, but needs net, which this package does not.
var (
	kernel32   = syscall.NewLazyDLL("kernel32.dll")
	lockFileEx = kernel32.NewProc("LockFileEx")
	moveFileEx = kernel32.NewProc("MoveFileExW")
)

const (
	lockFailImmediately = 0x1
	lockExclusive       = 0x2
	moveReplaceExisting = 0x1
	moveWriteThrough    = 0x8

	errorLockViolation syscall.Errno = 33
)

// Lock locks a file, for Windows locks no directory.
func (d *osDirectory) Lock() error {
	f, err := os.OpenFile(d.at("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	ok, _, err := lockFileEx.Call(f.Fd(), lockExclusive|lockFailImmediately, 0, 1, 0, uintptr(unsafe.Pointer(&syscall.Overlapped{})))
	if ok == 0 {
		_ = f.Close()
		if err == errorLockViolation {
			return ErrLocked
		}
		return &os.PathError{Op: "lock", Path: d.at("lock"), Err: err}
	}
	d.held = f
	return nil
}

func (d *osDirectory) Unlock() error { return d.held.Close() }

// Rename returns when the new name is on the disk: Windows syncs no directory.
func (d *osDirectory) Rename(from, to string) error {
	old, err := syscall.UTF16PtrFromString(d.at(from))
	if err != nil {
		return err
	}
	name, err := syscall.UTF16PtrFromString(d.at(to))
	if err != nil {
		return err
	}
	ok, _, err := moveFileEx.Call(uintptr(unsafe.Pointer(old)), uintptr(unsafe.Pointer(name)), moveReplaceExisting|moveWriteThrough)
	if ok == 0 {
		return &os.LinkError{Op: "rename", Old: d.at(from), New: d.at(to), Err: err}
	}
	return nil
}

func (d *osDirectory) Sync() error { return nil }
