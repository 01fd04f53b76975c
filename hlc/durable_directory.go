package hlc

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// directory is all that a Durable does to a disk. The tests have one that loses
// what was not synced.
type directory interface {
	lock() error // for this process alone; ErrLocked
	unlock() error
	read(name string) ([]byte, error)
	create(name string) (writable, error)
	rename(from, to string) error
	sync() error // of the names
}

type writable interface {
	io.WriteCloser
	Sync() error
}

// osDirectory is a real one. How it is locked, renamed in and synced is in
// durable_directory_*.go.
type osDirectory struct {
	path string
	held *os.File // what the lock is on
}

func (d *osDirectory) at(name string) string { return filepath.Join(d.path, name) }

// read returns no more than tells a record from what is too long to be one.
func (d *osDirectory) read(name string) ([]byte, error) { return readShort(d.at(name)) }

func readShort(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, recordSize+1))
}

func (d *osDirectory) create(name string) (writable, error) {
	f, err := os.OpenFile(d.at(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err // a nil *os.File would be a writable that is not nil
	}
	return f, nil
}

func (d *osDirectory) unlock() error { return d.held.Close() }

// isDirectory refuses what is not there: to create it would make an unmounted
// disk look like a first start.
func isDirectory(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("hlc: the directory for the bound: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("hlc: the directory for the bound: %s is not a directory", path)
	}
	return nil
}
