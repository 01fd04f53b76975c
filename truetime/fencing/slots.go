package fencing

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/trueclock/trueclock/internal/durable"
)

// Both copies are written before a maximum counts, so that either is enough, to the last token: what a token is worth cannot be guessed
// from an older copy, as the bound of a clock can.
var slotNames = [2]string{"table.0", "table.1"}

// The marker says that there was a table, whatever became of its copies. Its text is for people who find it.
const (
	markerName = "initialised"
	markerText = "A fencing register has saved its table here. Do not delete or restore single files.\n"
)

// Recovery is what a start found.
type Recovery struct {
	First  bool  // nothing had been saved before
	Damage error // why one of the copies was not believed, which harms nothing; nil: both were. Report it: it may be the disk
}

// readSlots finds all that was ever acknowledged, and which copy is damaged if one is (else any).
func readSlots(dir durable.Directory) (t table, found Recovery, damaged int, err error) {
	_, marked := dir.Read(markerName, 0)
	if marked != nil && !errors.Is(marked, fs.ErrNotExist) {
		return t, found, 0, &StorageError{Op: "read", Err: marked}
	}
	var state StateError
	for i, name := range slotNames {
		copied, err := readSlot(dir, name)
		if err != nil {
			damaged, state.Slots[i] = i, fmt.Errorf("%s: %w", name, err)
			continue
		}
		t.merge(copied)
	}
	a, b := state.Slots[0], state.Slots[1]
	var unread *StorageError
	switch {
	case marked != nil && errors.Is(a, fs.ErrNotExist) && errors.Is(b, fs.ErrNotExist):
		t.merge(table{})
		return t, Recovery{First: true}, 0, nil
	case a != nil && b != nil && (errors.As(a, &unread) || errors.As(b, &unread)):
		return t, found, 0, unread // a second look may show a table
	case a != nil && b != nil:
		return t, found, 0, &state
	}
	found.Damage = state.Slots[damaged]
	return t, found, damaged, nil
}

func readSlot(dir durable.Directory, name string) (table, error) {
	b, err := dir.Read(name, tableLimit+1) // a longer one is not a table
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return table{}, fs.ErrNotExist
	case err != nil:
		return table{}, &StorageError{Op: "read", Err: err}
	}
	return decodeTable(b)
}

// slotWriter must not be used again after an error.
type slotWriter struct {
	dir   durable.Directory
	first int // the copy that is written first: a damaged one, so that one is always intact
}

// save makes the table durable in both copies.
func (w slotWriter) save(t table) error {
	content := t.encode()
	for _, i := range []int{w.first, 1 - w.first} {
		if err := replaceFile(w.dir, slotNames[i], content); err != nil {
			return err
		}
	}
	return nil
}

func (w slotWriter) mark() error { return replaceFile(w.dir, markerName, []byte(markerText)) }

func replaceFile(dir durable.Directory, name string, content []byte) error {
	err := durable.Replace(dir, name, content)
	var failed *durable.OpError
	if errors.As(err, &failed) {
		return (*StorageError)(failed)
	}
	return err
}
