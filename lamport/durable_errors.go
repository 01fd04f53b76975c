package lamport

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed: the Durable was closed.
	ErrClosed = errors.New("lamport: the durable clock is closed")
	// ErrLocked: another process, or another Durable of this one, uses the directory.
	ErrLocked = errors.New("lamport: another process uses this directory for its bound")
	// ErrNoState: DurableOptions.Existing, and nothing was ever saved in the directory.
	ErrNoState = errors.New("lamport: no bound was ever saved in this directory; is its disk mounted?")
)

// StorageError ends a [Durable] for good: what the disk holds is not known any
// more, and a second try would prove nothing (after a failed sync the system may
// drop the bytes and report success for the next one). Close it, find the
// reason, and open it again.
type StorageError struct {
	Op  string // what failed, such as "sync"
	Err error
}

func (e *StorageError) Error() string {
	return fmt.Sprintf("lamport: the durable clock has ended: cannot %s its bound: %v", e.Op, e.Err)
}

func (e *StorageError) Unwrap() error { return e.Err }

// StateError refuses a start: a bound was saved, and no slot can be believed, so
// nobody knows what was handed out. To go on, whoever knows a number that nobody got empties the
// directory, opens it anew, and calls ForceWitness with that number first.
type StateError struct {
	Slots [2]error // why each slot is not believed
}

func (e *StateError) Error() string {
	return fmt.Sprintf("lamport: no saved bound can be believed: %v; %v", e.Slots[0], e.Slots[1])
}

// NetworkFileSystemError refuses a directory on a network file system, whose
// locks and syncs may not hold.
type NetworkFileSystemError struct {
	Dir, FileSystem string
}

func (e *NetworkFileSystemError) Error() string {
	return fmt.Sprintf("lamport: %s is on %s, where locks and syncs may not hold; use a local disk, or set NetworkFileSystem", e.Dir, e.FileSystem)
}
