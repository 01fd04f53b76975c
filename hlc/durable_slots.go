package hlc

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/trueclock/trueclock/internal/durable"
)

// Names in the directory of a Durable. A record is written beside its slot,
// made durable, and renamed over it.
const markerName = "initialised"

var slotNames = [2]string{"bound.0", "bound.1"}

// markerText is for people who find the file.
const markerText = "A clock has saved its bound here. Do not delete or restore single files; see clockctl hlc state --help.\n"

// DurableSlot is one of the two files with the bound.
type DurableSlot struct {
	File   string        // its name within the directory
	Record DurableRecord // if Err is nil
	Err    error         // why the record is not believed; fs.ErrNotExist if there is no file
}

// savedState is what a start finds.
type savedState struct {
	marked bool // somebody has initialised the directory
	slots  [2]DurableSlot
}

func readState(d durable.Directory) (savedState, error) {
	var s savedState
	if _, err := d.Read(markerName, 0); err == nil {
		s.marked = true
	} else if !errors.Is(err, fs.ErrNotExist) {
		return s, &StorageError{Op: "read", Err: err}
	}
	for i, name := range slotNames {
		s.slots[i] = readSlot(d, name)
		if r := s.slots[i].Record; s.slots[i].Err == nil && r.Sequence%2 != uint64(i) {
			s.slots[i].Err = fmt.Errorf("record %d does not belong into this slot", r.Sequence)
		}
	}
	// The record before the newest lies in the other slot. An older one there
	// means that one was lost after it had been written: it may have been the newest.
	older, newer := &s.slots[0], &s.slots[1]
	if older.Record.Sequence > newer.Record.Sequence {
		older, newer = newer, older
	}
	if older.Err == nil && newer.Err == nil && newer.Record.Sequence-older.Record.Sequence != 1 {
		older.Err = fmt.Errorf("record %d is out of date beside record %d", older.Record.Sequence, newer.Record.Sequence)
	}
	return s, nil
}

func readSlot(d durable.Directory, name string) DurableSlot {
	slot := DurableSlot{File: name}
	b, err := d.Read(name, recordSize+1) // tells a record from what is too long to be one
	switch {
	case errors.Is(err, fs.ErrNotExist):
		slot.Err = fs.ErrNotExist
		return slot
	case err != nil:
		slot.Err = &StorageError{Op: "read", Err: err}
		return slot
	}
	slot.Record, slot.Err = decodeRecord(b)
	return slot
}

// empty: nothing was ever saved here.
func (s savedState) empty() bool {
	return !s.marked && errors.Is(s.slots[0].Err, fs.ErrNotExist) && errors.Is(s.slots[1].Err, fs.ErrNotExist)
}

// newest returns the newest record and the bound that everything handed out lies
// below. If a slot is not believed, it may have held the next record: damage says
// so, and the largest step is in the bound. Without any record it is a *StateError,
// or a *StorageError if a second look may show one.
func (s savedState) newest() (r DurableRecord, bound Timestamp, damage, err error) {
	a, b := s.slots[0], s.slots[1]
	var unread *StorageError
	switch {
	case a.Err != nil && b.Err != nil && (errors.As(a.Err, &unread) || errors.As(b.Err, &unread)):
		return r, bound, nil, unread
	case a.Err != nil && b.Err != nil, a.Err == nil && b.Err == nil && a.Record.Node != b.Record.Node:
		return r, bound, nil, &StateError{Slots: s.slots}
	case a.Err == nil && b.Err == nil:
		if a.Record.Sequence > b.Record.Sequence {
			return a.Record, a.Record.Bound, nil, nil
		}
		return b.Record, b.Record.Bound, nil, nil
	case a.Err != nil:
		a, b = b, a
	}
	return a.Record, a.Record.reach(), fmt.Errorf("%s: %w", b.File, b.Err), nil
}

// slotWriter writes one record after the other, each into the slot that the one
// before it is not in. After an error it must not be used again.
type slotWriter struct {
	dir  durable.Directory
	last DurableRecord // safe on the disk
	step time.Duration // the usual one
}

// begin opens an incarnation: its first record repeats the old bound and says how
// far the next one may reach, the second has the new bound.
func (w *slotWriter) begin(old Timestamp, wall int64) error {
	r := w.last
	r.Incarnation++
	r.Bound, r.MaxStep, r.Clean = old, max(w.step, time.Duration(wall-old.WallTime)), false
	if err := w.write(r); err != nil {
		return err
	}
	return w.raise(wall)
}

// raise makes the bound durable that covers wall. A step above the largest one
// that the last record allows is announced by a record of its own.
func (w *slotWriter) raise(wall int64) error {
	r := w.last
	if covering(wall).After(r.reach()) {
		r.MaxStep = time.Duration(wall - r.Bound.WallTime)
		if err := w.write(r); err != nil {
			return err
		}
	}
	r.Bound, r.MaxStep = covering(wall), w.step
	return w.write(r)
}

// finish writes the last timestamp itself.
func (w *slotWriter) finish(last Timestamp) error {
	r := w.last
	r.Bound, r.MaxStep, r.Clean = last, w.step, true
	return w.write(r)
}

// write gives r the next sequence and makes it durable.
func (w *slotWriter) write(r DurableRecord) error {
	r.Sequence = w.last.Sequence + 1
	if err := replaceFile(w.dir, slotNames[r.Sequence%2], r.encode()); err != nil {
		return err
	}
	w.last = r
	return nil
}

// replaceFile returns nil once the file holds the content whatever happens to
// the machine.
func replaceFile(d durable.Directory, name string, content []byte) error {
	err := durable.Replace(d, name, content)
	var failed *durable.OpError
	if errors.As(err, &failed) {
		return (*StorageError)(failed)
	}
	return err
}
