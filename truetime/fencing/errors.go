package fencing

import (
	"errors"
	"fmt"
)

var (
	// ErrNoToken: a write without a token, or with 0. Somebody does not take part in the protocol.
	ErrNoToken = errors.New("fencing: there is no token")
	// ErrResource: the name of a resource is empty or longer than MaxName bytes.
	ErrResource = fmt.Errorf("fencing: the name of a resource has 1 to %d bytes", MaxName)
	// ErrClosed: the Register was closed.
	ErrClosed = errors.New("fencing: the register is closed")
	// ErrLocked: another process, or another Register of this one, uses the directory.
	ErrLocked = errors.New("fencing: another process uses this directory for its register")
	// ErrNoState: Options.Existing, and nothing was ever saved in the directory.
	ErrNoState = errors.New("fencing: no register was ever saved in this directory; is its disk mounted?")
)

// StaleError refuses a token below the highest one: whoever sent it has lost the lease. Nothing was written. To try again with
// the same token never helps.
type StaleError struct {
	Resource string
	Token    Token // of the write
	Highest  Token // that was seen
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("fencing: token %v for %q is stale: %v was seen", e.Token, shorten(e.Resource), e.Highest)
}

// StepError refuses a token that is further above the highest one than Options.MaxStep allows. Nothing was changed.
type StepError struct {
	Resource       string
	Token, Highest Token
	MaxStep        uint64
}

func (e *StepError) Error() string {
	return fmt.Sprintf("fencing: token %v for %q is more than %d above %v", e.Token, shorten(e.Resource), e.MaxStep, e.Highest)
}

// FullError refuses a resource that was never seen, since the register holds as many as it may. To forget one instead would be to
// accept its stale tokens.
type FullError struct {
	Resource string
	Limit    int // Options.MaxResources
}

func (e *FullError) Error() string {
	return fmt.Sprintf("fencing: no room for %q: %d resources are known, and none is ever forgotten", shorten(e.Resource), e.Limit)
}

// StorageError ends a [Register] for good: what the disk holds is not known any more, and a second try would prove
// nothing (after a failed sync the system may drop the bytes and report success for the next one). Close it, find
// the reason, and open it again.
type StorageError struct {
	Op  string // what failed, such as "sync"
	Err error
}

func (e *StorageError) Error() string {
	return fmt.Sprintf("fencing: the register has ended: cannot %s its table: %v", e.Op, e.Err)
}

func (e *StorageError) Unwrap() error { return e.Err }

// StateError refuses a start: a table was saved, and no copy of it can be believed, so nobody knows which tokens are
// stale. To go on, whoever knows a token above all that were issued empties the directory and states it as Options.Floor.
type StateError struct {
	Slots [2]error // why each copy is not believed
}

func (e *StateError) Error() string {
	return fmt.Sprintf("fencing: no saved table can be believed: %v; %v", e.Slots[0], e.Slots[1])
}

// NetworkFileSystemError refuses a directory on a network file system, whose locks and syncs may not hold.
type NetworkFileSystemError struct {
	Dir, FileSystem string
}

func (e *NetworkFileSystemError) Error() string {
	return fmt.Sprintf("fencing: %s is on %s, where locks and syncs may not hold; use a local disk, or set NetworkFileSystem", e.Dir, e.FileSystem)
}
