package lamport

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ErrLocked: another process, or another part of this one, has the file open.
var ErrLocked = errors.New("lamport: the file of the durable bound is in use")

// ErrCorrupt: no slot of the file is valid, so nobody knows what was issued. To
// go on, somebody who knows a number above all that were must say so: remove
// the file, open it anew, and save that number.
var ErrCorrupt = errors.New("lamport: no valid slot in the file of the durable bound")

// FileStore is a [Store] in a file of two slots. A bound is written to one slot and
// synced, and then to the other and synced: one slot is whole while the other is
// written, and a saved bound survives the loss of either. Of the valid slots the
// one with the highest sequence counts.
//
// An error in a write or a sync is final: what is on the disk is then unknown,
// and a second sync that succeeds would not change that. Only a new process may
// open the file again.
//
// HAZARD: the bound is as durable as a sync is. A disk that lies about it, a file
// system over the network, and an old copy of the file put back let numbers be
// issued twice.
type FileStore struct {
	folder folder
	lock   io.Closer
	file   slotFile
	newest int // the slot that is known to hold the last record
	last   record
	failed error
}

// folder is the directory of the file, as far as the store needs it. Tests have
// one that crashes.
type folder interface {
	lock() (io.Closer, error)     // ErrLocked if somebody has it
	open() (slotFile, error)      // fs.ErrNotExist if there is none
	createNew() (slotFile, error) // empty, under a name of its own
	rename() error                // gives the new file its name
	sync() error                  // makes names durable
}

type slotFile interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// OpenFile opens the file, or creates it with the bound 0 if there is none. The
// directory must exist. Beside the file it keeps an empty one, path.lock, which on
// Linux, macOS and the BSDs holds an exclusive lock until Close or the end of the
// process; elsewhere the caller must see to it that only one process uses the file.
// It returns [ErrLocked], [ErrCorrupt] and errors of the file system.
func OpenFile(path string) (*FileStore, error) { return openFolder(osFolder{path}) }

func openFolder(f folder) (_ *FileStore, err error) {
	s := &FileStore{folder: f}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.lock, err = f.lock(); err != nil {
		return nil, err
	}
	if s.file, err = f.open(); errors.Is(err, fs.ErrNotExist) {
		if err = create(f); err == nil {
			s.file, err = f.open()
		}
	}
	if err != nil {
		return nil, err
	}
	// A process that was killed may have left writes and a name that this one
	// sees and that a power failure would still undo.
	if err := errors.Join(s.file.Sync(), f.sync()); err != nil {
		return nil, err
	}
	return s, s.read()
}

// create makes a file that is whole before it has its name: one without a valid
// slot was never a new one.
func create(f folder) error {
	file, err := f.createNew()
	if err != nil {
		return err
	}
	for slot := range slotCount {
		if _, err := file.WriteAt(record{}.encode(), int64(slot*slotDistance)); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return err
	}
	return f.rename()
}

// read finds the newest valid slot.
func (s *FileStore) read() error {
	found := false
	for slot := range slotCount {
		b := make([]byte, slotSize)
		n, err := s.file.ReadAt(b, int64(slot*slotDistance))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if r, ok := decodeRecord(b[:n]); ok && (!found || r.sequence > s.last.sequence) {
			found, s.newest, s.last = true, slot, r
		}
	}
	if !found {
		return ErrCorrupt
	}
	return nil
}

// Bound returns the highest bound that was saved, 0 for a new file.
func (s *FileStore) Bound() (uint64, error) { return s.last.bound, s.failed }

// Save makes bound durable in both slots. It returns an error for a bound below
// the last, and that of the file system, which every later call returns too.
func (s *FileStore) Save(bound uint64) error {
	if s.failed != nil {
		return s.failed
	}
	if bound < s.last.bound {
		return fmt.Errorf("lamport: the bound %d is below %d", bound, s.last.bound)
	}
	next := record{sequence: s.last.sequence + 1, bound: bound}
	other := slotCount - 1 - s.newest
	for _, slot := range []int{other, s.newest} { // the newest is whole until the other one is
		if err := s.write(slot, next); err != nil {
			s.failed = err
			return err
		}
	}
	s.last = next
	return nil
}

func (s *FileStore) write(slot int, r record) error {
	if _, err := s.file.WriteAt(r.encode(), int64(slot*slotDistance)); err != nil {
		return err
	}
	return s.file.Sync()
}

// Close closes the file and gives up the lock.
func (s *FileStore) Close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	s.file, s.lock = nil, nil
	if s.failed == nil {
		s.failed = ErrClosed
	}
	return err
}
