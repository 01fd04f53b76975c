package lamport

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// osFolder is the folder of a file of the operating system.
type osFolder struct{ path string }

// lock opens the lock file, which is never renamed or removed: a lock on a
// file that can be replaced locks out nobody.
func (f osFolder) lock() (io.Closer, error) {
	file, err := os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// file keeps a nil *os.File out of the interface.
func (f osFolder) file(name string, flag int) (slotFile, error) {
	file, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f osFolder) open() (slotFile, error) { return f.file(f.path, os.O_RDWR) }

func (f osFolder) createNew() (slotFile, error) {
	return f.file(f.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (f osFolder) rename() error { return os.Rename(f.path+".new", f.path) }

// sync makes the names in the directory durable. Windows has no such call for
// directories and keeps their changes in a journal.
func (f osFolder) sync() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	directory, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
