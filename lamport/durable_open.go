package lamport

import (
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/internal/durable"
)

// DefaultReserve is how many numbers a [Durable] reserves at a time. To reserve them takes
// some milliseconds on the disk of a virtual machine (BenchmarkDurableReservation).
const DefaultReserve = 1 << 16

// DurableOptions configures a [Durable].
type DurableOptions struct {
	// Dir is an existing directory for the bound of this clock and nothing else.
	// HAZARD: if the program has just created it, it must sync the parent, or a crash may
	// take the directory away with all that was saved in it.
	Dir string
	// Reserve is how far the bound reaches above the highest number; 0 means DefaultReserve. A
	// restart leaves out as many numbers, or up to half as many more. If they are used up
	// faster than half of them can be reserved, calls wait for the disk.
	Reserve uint64
	// Existing refuses a directory in which nothing was ever saved (ErrNoState).
	// HAZARD: without it the directory under an unmounted disk looks like a first start.
	Existing bool
	// NetworkFileSystem allows a directory on a network file system, which is refused
	// else where it is recognised (on Linux).
	NetworkFileSystem bool
}

// Recovery is what a start found.
type Recovery struct {
	First  bool   // nothing had been saved before
	Bound  uint64 // everything handed out before is at or below it
	Damage error  // why one of the slots was not believed, which harms nothing; nil: both were. Report it: it may be the disk
}

// Recovery returns what the start found.
func (d *Durable) Recovery() Recovery { return d.recovery }

// OpenDurable locks the directory and returns a clock that goes on above all that was
// handed out before. It returns when the first numbers are reserved. Close it.
//
// Errors: [ErrLocked]; [*StateError] when no slot can be believed; [ErrNoState];
// [*NetworkFileSystemError]; [*StorageError]; those of a Dir that is none.
func OpenDurable(o DurableOptions) (*Durable, error) {
	dir, err := durable.Open(o.Dir, o.NetworkFileSystem)
	var remote *durable.NetworkError
	switch {
	case errors.As(err, &remote):
		return nil, (*NetworkFileSystemError)(remote)
	case err != nil:
		return nil, fmt.Errorf("lamport: the directory for the bound: %w", err)
	}
	return openDurable(dir, o)
}

func openDurable(dir durable.Directory, o DurableOptions) (*Durable, error) {
	switch err := dir.Lock(); {
	case errors.Is(err, durable.ErrLocked):
		return nil, ErrLocked
	case errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("lamport: %w", err)
	case err != nil:
		return nil, &StorageError{Op: "lock", Err: err}
	}
	d, err := start(dir, o)
	if err != nil {
		_ = dir.Unlock()
		return nil, err
	}
	return d, nil
}

// start does all of OpenDurable that needs the lock.
func start(dir durable.Directory, o DurableOptions) (*Durable, error) {
	found, damaged, err := readSlots(dir)
	switch {
	case err != nil:
		return nil, err
	case found.First && o.Existing:
		return nil, ErrNoState
	}
	if o.Reserve == 0 {
		o.Reserve = DefaultReserve
	}
	reserve := int64(min(o.Reserve, MaxTime))
	bound := durable.Plus(int64(found.Bound), reserve)
	w := slotWriter{dir: dir, first: damaged}
	if err := w.save(bound); err != nil {
		return nil, err
	}
	if err := w.mark(); err != nil {
		return nil, err
	}
	d := &Durable{dir: dir, recovery: found, ahead: durable.NewAhead("lamport", bound, reserve, w.save)}
	d.clock.last.Store(found.Bound)
	return d, nil
}
