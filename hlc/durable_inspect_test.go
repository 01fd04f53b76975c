package hlc

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestRepairDurable_Stories: what a repair does to a directory, and what it refuses.
func TestRepairDurable_Stories(t *testing.T) {
	const hour = int64(time.Hour)
	stated := Timestamp{WallTime: firstWall + hour}
	for name, c := range map[string]struct {
		spoil       func(disk *durabletest.Disk)
		repair      DurableRepair
		incarnation uint64
		check       func(t *testing.T, err error) // nil: it succeeds
	}{
		"raises the bound":  {repair: DurableRepair{Bound: stated}, incarnation: 1},
		"of a node by name": {repair: DurableRepair{Bound: stated, Node: 7}, incarnation: 1},
		"lowers it when told to: the clock had been a century ahead": {
			repair: DurableRepair{Bound: Timestamp{WallTime: firstWall - hour}, Lower: true}, incarnation: 1,
		},
		"does not lower it by accident": {
			repair: DurableRepair{Bound: Timestamp{WallTime: firstWall - hour}},
			check: func(t *testing.T, err error) {
				var lowers *LowersBoundError
				require.ErrorAs(t, err, &lowers)
			},
		},
		"both slots are gone: starts go on from the seconds": {
			spoil:  func(disk *durabletest.Disk) { delete(disk.Names, slotNames[0]); delete(disk.Names, slotNames[1]) },
			repair: DurableRepair{Bound: stated, Node: 7}, incarnation: uint64(stated.WallTime / 1e9),
		},
		"a slot is damaged: the count of starts may be": {
			spoil:  func(disk *durabletest.Disk) { disk.Names[slotNames[0]].Now = nil },
			repair: DurableRepair{Bound: stated}, incarnation: uint64(stated.WallTime / 1e9),
		},
		"nothing was ever saved: a bound for a new disk": {
			spoil: func(disk *durabletest.Disk) { clear(disk.Names) }, repair: DurableRepair{Bound: stated, Node: 7}, incarnation: uint64(stated.WallTime / 1e9),
		},
		"not of another node": {
			repair: DurableRepair{Bound: stated, Node: 8},
			check:  func(t *testing.T, err error) { require.Equal(t, &WrongNodeError{Have: 7, Want: 8}, err) },
		},
		"not to nothing": {
			check: func(t *testing.T, err error) { require.ErrorIs(t, err, ErrUnset) },
		},
		"not beside a process": {
			spoil: func(disk *durabletest.Disk) { disk.Locked = true }, repair: DurableRepair{Bound: stated},
			check: func(t *testing.T, err error) { require.ErrorIs(t, err, ErrLocked) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk, wall := durabletest.New(), firstWall
			d, err := node(t, disk, &wall, DurableOptions{Node: 7})
			require.NoError(t, err)
			require.NoError(t, d.Close())
			if c.spoil != nil {
				c.spoil(disk)
			}
			before := disk.Crash(nil).Names
			record, err := repairDurable(disk, c.repair)
			if c.check != nil {
				c.check(t, err)
				require.Equal(t, before, disk.Crash(nil).Names)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.incarnation, record.Incarnation)
			state, err := readState(disk.Crash(nil))
			require.NoError(t, err)
			got := state.inspect()
			require.Equal(t, DurableState{Initialised: true, Slots: got.Slots, Newest: record, Bound: c.repair.Bound}, got)

			wall = c.repair.Bound.WallTime
			d, err = node(t, disk, &wall, DurableOptions{Node: 7})
			require.NoError(t, err)
			require.Equal(t, c.incarnation+1, d.Recovery().Incarnation)
			require.True(t, mustNow(t, d).After(c.repair.Bound))
			require.NoError(t, d.Close())
		})
	}
}

func TestInspectDurable_RealFiles(t *testing.T) {
	dir := t.TempDir()
	state, err := InspectDurable(dir)
	require.NoError(t, err)
	require.ErrorIs(t, state.Refused, ErrNoState)
	_, err = InspectDurable(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)

	stated := Timestamp{WallTime: firstWall, Logical: 3}
	record, err := RepairDurable(dir, DurableRepair{Bound: stated, Node: 9})
	require.NoError(t, err)
	state, err = InspectDurable(dir)
	require.NoError(t, err)
	require.Equal(t, record, state.Newest)
	require.NoError(t, state.Refused)
	slot, err := InspectDurableSlot(filepath.Join(dir, slotNames[record.Sequence%2]))
	require.NoError(t, err)
	require.Equal(t, record, slot)
	_, err = InspectDurableSlot(filepath.Join(dir, markerName))
	require.ErrorContains(t, err, "bytes instead of 72")
	_, err = InspectDurableSlot(filepath.Join(dir, "absent"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestRecord_GoesRound, and its bytes are as documented.
func TestRecord_GoesRound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		record := DurableRecord{
			Node: r.Uint64(), Incarnation: 1 + r.Uint64N(1<<60), Sequence: 1 + r.Uint64N(1<<60),
			Bound: Timestamp{WallTime: r.Int64(), Logical: r.Uint32()}, MaxStep: time.Duration(r.Int64()), Clean: r.IntN(2) == 0,
		}
		got, err := decodeRecord(record.encode())
		require.NoError(t, err)
		require.Equal(t, record, got)
	}
	require.Equal(t, "hlcbound\x00\x00\x00\x01\x00\x00\x00\x01"+
		"\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04"+
		"\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00\x07"+
		"\x00\x00\x00\x00\x00\x00\x00\x00\x5f\x0c\x3d\x8c",
		string(DurableRecord{Node: 2, Incarnation: 3, Sequence: 4, MaxStep: 5, Bound: Timestamp{6, 7}, Clean: true}.encode()))
}

// FuzzRecord: any bytes; what is accepted is encoded to itself.
func FuzzRecord(f *testing.F) {
	f.Add(DurableRecord{Incarnation: 1, Sequence: 1}.encode())
	f.Add([]byte(markerText))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err == nil && !bytes.Equal(b, r.encode()) {
			t.Fatalf("%+v from other bytes", r)
		}
	})
}
