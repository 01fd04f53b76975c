package fencing

import (
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/internal/durable"
)

// Limits of Options.MaxResources. Each new maximum writes the whole table twice.
const (
	DefaultMaxResources = 1024
	mostResources       = 1 << 16
)

// Options configures a [Register].
type Options struct {
	// Dir is an existing directory for this register and nothing else.
	// HAZARD: if the program has just created it, it must sync the parent, or a crash may
	// take the directory away with all that was saved in it.
	Dir string
	// MaxResources is how many names may have a maximum, at most 65 536; 0 means DefaultMaxResources. More than
	// that are refused with a [*FullError]: a client who makes names up must not fill the disk.
	MaxResources int
	// MaxStep, unless 0, refuses tokens that are further than this above the highest one of their resource, with a
	// [*StepError]. It is for tokens that are counted one by one: without it a client who sends 2^64 − 1 by
	// mistake locks everybody out for ever.
	MaxStep uint64
	// Floor refuses all tokens below it, of every resource, from now on: for a register whose table was lost. It is saved, and
	// never falls.
	Floor Token
	// Existing refuses a directory in which nothing was ever saved (ErrNoState).
	// HAZARD: without it the directory under an unmounted disk looks like a first start, and stale tokens are accepted.
	Existing bool
	// NetworkFileSystem allows a directory on a network file system, which is refused
	// else where it is recognised (on Linux).
	NetworkFileSystem bool
}

// Open locks the directory and returns a register that refuses whatever the one before it did. Close it.
//
// Errors: [ErrLocked]; [*StateError] when no copy of the table can be believed; [ErrNoState];
// [*NetworkFileSystemError]; [*StorageError]; those of a Dir that is none.
func Open(o Options) (*Register, error) {
	dir, err := durable.Open(o.Dir, o.NetworkFileSystem)
	var remote *durable.NetworkError
	switch {
	case errors.As(err, &remote):
		return nil, (*NetworkFileSystemError)(remote)
	case err != nil:
		return nil, fmt.Errorf("fencing: the directory for the register: %w", err)
	}
	return open(dir, o)
}

func open(dir durable.Directory, o Options) (*Register, error) {
	if o.MaxResources < 0 || o.MaxResources > mostResources {
		return nil, fmt.Errorf("fencing: MaxResources is %d, at most %d are possible", o.MaxResources, mostResources)
	}
	if o.MaxResources == 0 {
		o.MaxResources = DefaultMaxResources
	}
	switch err := dir.Lock(); {
	case errors.Is(err, durable.ErrLocked):
		return nil, ErrLocked
	case errors.Is(err, errors.ErrUnsupported):
		return nil, fmt.Errorf("fencing: %w", err)
	case err != nil:
		return nil, &StorageError{Op: "lock", Err: err}
	}
	r, err := start(dir, o)
	if err != nil {
		_ = dir.Unlock()
		return nil, err
	}
	return r, nil
}

// start does all of open that needs the lock. Both copies are written: a maximum that one of them alone has was not
// acknowledged by the last run, and is in force in this one.
func start(dir durable.Directory, o Options) (*Register, error) {
	saved, found, damaged, err := readSlots(dir)
	switch {
	case err != nil:
		return nil, err
	case found.First && o.Existing:
		return nil, ErrNoState
	}
	saved.floor = max(saved.floor, o.Floor)
	w := slotWriter{dir: dir, first: damaged}
	if err := w.save(saved); err != nil {
		return nil, err
	}
	if err := w.mark(); err != nil {
		return nil, err
	}
	return newRegister(dir, w, saved, found, o), nil
}
