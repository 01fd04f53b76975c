package hlc

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrClosed: the Durable was closed.
	ErrClosed = errors.New("hlc: the durable clock is closed")
	// ErrLocked: another process, or another Durable of this one, uses the directory.
	ErrLocked = errors.New("hlc: another process uses this directory for its bound")
	// ErrNoState: DurableOptions.Existing, and nothing was ever saved in the directory.
	ErrNoState = errors.New("hlc: no bound was ever saved in this directory; is its disk mounted?")
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
	return fmt.Sprintf("hlc: the durable clock has ended: cannot %s its bound: %v", e.Op, e.Err)
}

func (e *StorageError) Unwrap() error { return e.Err }

// StateError refuses a start: a bound was saved, and no record of it can be
// believed. [RepairDurable] states a new one.
type StateError struct {
	Slots [2]DurableSlot
}

func (e *StateError) Error() string {
	a, b := e.Slots[0], e.Slots[1]
	if a.Err == nil && b.Err == nil {
		return fmt.Sprintf("hlc: the saved bounds are of two nodes, %d and %d; a repair must state which and above what all timestamps lie", a.Record.Node, b.Record.Node)
	}
	return fmt.Sprintf("hlc: no saved bound can be believed, a repair must state one: %s: %v; %s: %v", a.File, a.Err, b.File, b.Err)
}

// WrongNodeError refuses a start in the directory of another node.
type WrongNodeError struct {
	Have, Want uint64 // saved; DurableOptions.Node
}

func (e *WrongNodeError) Error() string {
	return fmt.Sprintf("hlc: the saved bound is of node %d, this is node %d", e.Have, e.Want)
}

// BoundTooFarError refuses a start: the saved bound is so far ahead of the
// physical clock that peers would refuse a timestamp above it, and it takes too
// long to wait. Either this clock is behind, or the bound was saved with a clock
// that was ahead. Nothing was changed.
type BoundTooFarError struct {
	Bound   Timestamp
	Lead    time.Duration // of Bound above the physical clock
	Limit   time.Duration // up to which a start jumps: what the clock believes of a remote timestamp
	MaxWait time.Duration // DurableOptions.MaxWait
}

func (e *BoundTooFarError) Error() string {
	return fmt.Sprintf("hlc: the saved bound %v is %v ahead of the clock; a start jumps over %v and waits %v; check the clock before a repair", e.Bound, e.Lead, e.Limit, e.MaxWait)
}

// NetworkFileSystemError refuses a directory on a network file system, whose
// locks and syncs may not hold.
type NetworkFileSystemError struct {
	Dir, FileSystem string
}

func (e *NetworkFileSystemError) Error() string {
	return fmt.Sprintf("hlc: %s is on %s, where locks and syncs may not hold; use a local disk, or set NetworkFileSystem", e.Dir, e.FileSystem)
}
