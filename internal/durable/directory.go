package durable

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrLocked: another process, or another part of this one, has the directory.
var ErrLocked = errors.New("in use")

// Directory is all that a durable clock does to a disk. Package durabletest has one
// that loses what was not synced.
type Directory interface {
	Lock() error // for this process alone; ErrLocked, errors.ErrUnsupported
	Unlock() error
	Read(name string, limit int) ([]byte, error) // at most limit bytes; fs.ErrNotExist
	Create(name string) (File, error)
	Rename(from, to string) error
	Sync() error // of the names
}

// File is one that is being written.
type File interface {
	io.WriteCloser
	Sync() error
}

// NetworkError refuses a directory on a network file system, whose locks and syncs
// may not hold.
type NetworkError struct {
	Dir, FileSystem string
}

func (e *NetworkError) Error() string { return fmt.Sprintf("%s is on %s", e.Dir, e.FileSystem) }

// Open returns a directory that exists, not locked yet. One that does not is not
// created: that would make an unmounted disk look like a first start. One on a network file
// system is a *NetworkError unless that is allowed.
func Open(path string, network bool) (Directory, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", path)
	}
	kind, err := onNetwork(path)
	if err != nil {
		return nil, err
	}
	if kind != "" && !network {
		return nil, &NetworkError{Dir: path, FileSystem: kind}
	}
	return &osDirectory{path: path}, nil
}

// osDirectory is a real one. How it is locked, renamed in and synced is in
// directory_*.go.
type osDirectory struct {
	path string
	held *os.File // what the lock is on
}

func (d *osDirectory) at(name string) string { return filepath.Join(d.path, name) }

func (d *osDirectory) Read(name string, limit int) ([]byte, error) { return Read(d.at(name), limit) }

// Read returns at most limit bytes of a file.
func Read(path string, limit int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)))
}

func (d *osDirectory) Create(name string) (File, error) {
	f, err := os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err // a nil *os.File would be a File that is not nil
	}
	return f, nil
}
