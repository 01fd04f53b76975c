package hlc

import (
	"fmt"

	"github.com/trueclock/trueclock/internal/durable"
)

// DurableState is what lies in a directory, as [InspectDurable] and a start see it.
type DurableState struct {
	Initialised bool // the marker is there: a bound was saved, whatever became of it
	Slots       [2]DurableSlot
	Newest      DurableRecord // the one that counts
	Bound       Timestamp     // a start goes on above it: that of Newest, and if there is Damage its MaxStep
	Damage      error         // why the other slot was not believed; nil: it was
	Refused     error         // why a start would be refused: *StateError or ErrNoState; nil: it would not
}

// InspectDurable reads the state in a directory. It takes no lock and changes
// nothing, so it works beside the process that uses it. HAZARD: on Windows a file that
// is being read cannot be replaced, and the failure ends that process's Durable.
func InspectDurable(dir string) (DurableState, error) {
	d, err := openDirectory(dir, true)
	if err != nil {
		return DurableState{}, err
	}
	const looks = 3 // what looks damaged may have been written between two reads
	for i := 1; ; i++ {
		saved, err := readState(d)
		if err != nil {
			return DurableState{}, err
		}
		state := saved.inspect()
		if i == looks || state.Damage == nil && state.Refused == nil {
			return state, nil
		}
	}
}

// InspectDurableSlot reads one slot file.
func InspectDurableSlot(path string) (DurableRecord, error) {
	b, err := durable.Read(path, recordSize+1)
	if err != nil {
		return DurableRecord{}, fmt.Errorf("hlc: %w", err)
	}
	r, err := decodeRecord(b)
	if err != nil {
		return r, fmt.Errorf("hlc: %s: %w", path, err)
	}
	return r, nil
}

func (s savedState) inspect() DurableState {
	state := DurableState{Initialised: s.marked, Slots: s.slots}
	if s.empty() {
		state.Refused = ErrNoState
		return state
	}
	state.Newest, state.Bound, state.Damage, state.Refused = s.newest()
	return state
}

// DurableRepair states a bound for [RepairDurable].
type DurableRepair struct {
	// Bound: no timestamp above it was ever handed out. Every timestamp of the next
	// start is above it.
	Bound Timestamp
	// Lower allows a Bound below the saved one. HAZARD: if timestamps between the two
	// were handed out, they are handed out again.
	Lower bool
	// Node is whose bound it is, if no record can be believed; else that of the
	// record counts, and Node must be 0 or the same.
	Node uint64
}

// LowersBoundError refuses a repair that would lower the bound without being
// told to.
type LowersBoundError struct {
	Saved, Stated Timestamp
}

func (e *LowersBoundError) Error() string {
	return fmt.Sprintf("hlc: the saved bound %v is above %v: timestamps between them may have been handed out", e.Saved, e.Stated)
}

// RepairDurable replaces what is saved in a directory by a stated bound. It needs
// the lock, so no process may be using the directory. If not both slots are intact, the
// count of starts is not known; it then goes on from the seconds of the bound's
// wall time, which starts do not outrun.
//
// Errors: [ErrLocked], [*LowersBoundError], [*WrongNodeError], [ErrUnset] for a zero
// bound, [*StorageError].
func RepairDurable(path string, r DurableRepair) (DurableRecord, error) {
	dir, err := openDirectory(path, true)
	if err != nil {
		return DurableRecord{}, err
	}
	return repairDurable(dir, r)
}

func repairDurable(dir durable.Directory, r DurableRepair) (record DurableRecord, err error) {
	if err := dir.Lock(); err != nil {
		return record, locking(err)
	}
	defer func() {
		if e := dir.Unlock(); err == nil && e != nil {
			err = &StorageError{Op: "unlock", Err: e}
		}
	}()
	saved, err := readState(dir)
	if err != nil {
		return record, err
	}
	if record, err = r.record(saved.inspect()); err != nil {
		return DurableRecord{}, err
	}
	return rewrite(dir, saved, record)
}

// record is the one to write, without its sequence.
func (r DurableRepair) record(state DurableState) (DurableRecord, error) {
	record := state.Newest
	switch {
	case r.Bound.WallTime <= 0:
		return record, ErrUnset
	case state.Refused != nil:
		record.Node = r.Node
	case r.Node != 0 && r.Node != record.Node:
		return record, &WrongNodeError{Have: record.Node, Want: r.Node}
	case r.Bound.Before(state.Bound) && !r.Lower:
		return record, &LowersBoundError{Saved: state.Bound, Stated: r.Bound}
	}
	if state.Refused != nil || state.Damage != nil {
		record.Incarnation = max(record.Incarnation, uint64(r.Bound.WallTime/1e9), 1)
	}
	record.Bound, record.MaxStep, record.Clean = r.Bound, 0, false
	return record, nil
}

// rewrite writes the record into both slots, above every sequence that is known.
func rewrite(dir durable.Directory, saved savedState, record DurableRecord) (DurableRecord, error) {
	w := slotWriter{dir: dir}
	for _, slot := range saved.slots {
		w.last.Sequence = max(w.last.Sequence, slot.Record.Sequence)
	}
	for range saved.slots {
		if err := w.write(record); err != nil {
			return record, err
		}
	}
	if saved.marked {
		return w.last, nil
	}
	return w.last, replaceFile(dir, markerName, []byte(markerText))
}
