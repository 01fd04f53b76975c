package lamport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/trueclock/trueclock/internal/durable"
)

// A slot is a file of 20 bytes, big-endian: "lamport1", the bound in eight bytes, and the
// CRC-32C of these sixteen.
const (
	slotMagic = "lamport1"
	slotSize  = 20
)

var slotNames = [2]string{"bound.0", "bound.1"}

// The marker says that there was a bound, whatever became of the slots. Its text is for
// people who find it.
const (
	markerName = "initialised"
	markerText = "A Lamport clock has saved its bound here. Do not delete or restore single files.\n"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encodeSlot(bound uint64) []byte {
	b := append(make([]byte, 0, slotSize), slotMagic...)
	b = binary.BigEndian.AppendUint64(b, bound)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeSlot accepts what encodeSlot returns for a bound up to MaxTime, and nothing else.
func decodeSlot(b []byte) (uint64, error) {
	switch {
	case len(b) != slotSize:
		return 0, fmt.Errorf("%d bytes instead of %d", len(b), slotSize)
	case string(b[:8]) != slotMagic:
		return 0, errors.New("not a bound of a Lamport clock: wrong magic")
	case crc32.Checksum(b[:16], castagnoli) != binary.BigEndian.Uint32(b[16:]):
		return 0, errors.New("torn or damaged: wrong checksum")
	}
	bound := binary.BigEndian.Uint64(b[8:])
	if bound > MaxTime {
		return 0, fmt.Errorf("%d is above the largest number", bound)
	}
	return bound, nil
}

// readSlots finds the higher bound, and which slot is damaged if one is (else any). Everything
// handed out is at or below both slots, since both are written before a bound is used, so
// one of them is enough.
func readSlots(dir durable.Directory) (found Recovery, damaged int, err error) {
	_, marked := dir.Read(markerName, 0)
	if marked != nil && !errors.Is(marked, fs.ErrNotExist) {
		return found, 0, &StorageError{Op: "read", Err: marked}
	}
	var state StateError
	for i, name := range slotNames {
		bound, err := readSlot(dir, name)
		if found.Bound = max(found.Bound, bound); err != nil {
			damaged, state.Slots[i] = i, fmt.Errorf("%s: %w", name, err)
		}
	}
	a, b := state.Slots[0], state.Slots[1]
	var unread *StorageError
	switch {
	case marked != nil && errors.Is(a, fs.ErrNotExist) && errors.Is(b, fs.ErrNotExist):
		return Recovery{First: true}, 0, nil
	case a != nil && b != nil && (errors.As(a, &unread) || errors.As(b, &unread)):
		return found, 0, unread // a second look may show a bound
	case a != nil && b != nil:
		return found, 0, &state
	}
	found.Damage = state.Slots[damaged]
	return found, damaged, nil
}

func readSlot(dir durable.Directory, name string) (uint64, error) {
	b, err := dir.Read(name, slotSize+1) // a longer one is not a slot
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fs.ErrNotExist
	case err != nil:
		return 0, &StorageError{Op: "read", Err: err}
	}
	return decodeSlot(b)
}

// slotWriter must not be used again after an error.
type slotWriter struct {
	dir   durable.Directory
	first int // the slot that is written first: a damaged one, so that one is always intact
}

// save makes the bound durable in both slots.
func (w slotWriter) save(bound int64) error {
	for _, i := range []int{w.first, 1 - w.first} {
		if err := durable.Replace(w.dir, slotNames[i], encodeSlot(uint64(bound))); err != nil {
			return storage(err)
		}
	}
	return nil
}

func (w slotWriter) mark() error {
	return storage(durable.Replace(w.dir, markerName, []byte(markerText)))
}

// storage is a failed call as this package's own error.
func storage(err error) error {
	var failed *durable.OpError
	if errors.As(err, &failed) {
		return (*StorageError)(failed)
	}
	return err
}
