package lamport

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

func open(t *testing.T, disk *durabletest.Disk, reserve uint64) *Durable {
	t.Helper()
	d, err := openDurable(disk, DurableOptions{Reserve: reserve})
	require.NoError(t, err)
	return d
}

func tick(t *testing.T, d *Durable) uint64 {
	t.Helper()
	n, err := d.Tick(t.Context())
	require.NoError(t, err)
	return n
}

func TestDurable_Stories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 10)
		require.Equal(t, Recovery{First: true}, d.Recovery())
		require.Zero(t, d.Time())
		require.Equal(t, []uint64{1, 2, 3}, []uint64{tick(t, d), tick(t, d), tick(t, d)})
		n, err := d.Witness(t.Context(), 100)
		require.NoError(t, err)
		require.Equal(t, uint64(101), n, "a message from ahead pulls the bound along")
		n, err = d.Witness(t.Context(), 5)
		require.NoError(t, err)
		require.Equal(t, uint64(102), n, "one from behind is an event all the same")
		require.Equal(t, uint64(102), d.Time())
		crashed := disk.Crash(nil)
		require.NoError(t, d.Close())

		d = open(t, crashed, 10)
		require.Equal(t, Recovery{Bound: 111}, d.Recovery(), "a restart leaves out what was reserved")
		require.Equal(t, uint64(111), d.Time())
		require.Equal(t, uint64(112), tick(t, d))
		require.NoError(t, d.Close())
	})
}

// TestDurable_WhatWasHeardOutlivesACrash: an effect has a higher number than its cause,
// though the cause was only observed, and the process began anew in between.
func TestDurable_WhatWasHeardOutlivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 10)
		require.NoError(t, d.Observe(t.Context(), 1_000))
		require.Equal(t, uint64(1_000), d.Time())
		crashed := disk.Crash(nil)
		require.NoError(t, d.Close())
		d = open(t, crashed, 10)
		require.Greater(t, tick(t, d), uint64(1_000))
		require.NoError(t, d.Close())
	})
}

// TestDurable_RefusedRemoteLeavesNoTrace: neither in the clock nor on the disk.
func TestDurable_RefusedRemoteLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 10)
		tick(t, d)
		calls := disk.Calls
		for _, remote := range []uint64{DefaultMaxLead + 2, MaxTime - 1, math.MaxUint64} {
			var far *TooFarError
			_, err := d.Witness(t.Context(), remote)
			require.ErrorAs(t, err, &far)
			require.ErrorAs(t, d.Observe(t.Context(), remote), &far)
			require.Equal(t, uint64(1), d.Time())
		}
		_, err := d.ForceWitness(t.Context(), MaxTime)
		require.ErrorIs(t, err, ErrExhausted)
		synctest.Wait()
		require.Equal(t, calls, disk.Calls)
		require.NoError(t, d.Close())
	})
}

// TestDurable_SaturatesAndNeverWraps: the bound too ends at the largest number, and a
// restart does not go beyond it.
func TestDurable_SaturatesAndNeverWraps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 10)
		n, err := d.ForceWitness(t.Context(), MaxTime-3)
		require.NoError(t, err)
		require.Equal(t, MaxTime-2, n)
		calls := disk.Calls
		require.Equal(t, []uint64{MaxTime - 1, MaxTime}, []uint64{tick(t, d), tick(t, d)})
		for range 3 {
			_, err = d.Tick(t.Context())
			require.ErrorIs(t, err, ErrExhausted)
		}
		require.Equal(t, MaxTime, d.Time())
		synctest.Wait()
		require.Equal(t, calls, disk.Calls, "there is nothing more to reserve")
		require.NoError(t, d.Close())
		for _, reserve := range []uint64{1, math.MaxUint64} {
			d = open(t, disk, reserve)
			_, err = d.Tick(t.Context())
			require.ErrorIs(t, err, ErrExhausted, "after a restart too")
			require.NoError(t, d.Close())
		}
	})
}

// TestDurable_AnErrorIsFinal: one failed call ends it, though the disk works again, and
// nothing below the bound is handed out either.
func TestDurable_AnErrorIsFinal(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "close", "rename", "syncdir"} {
		synctest.Test(t, func(t *testing.T) {
			disk := durabletest.New()
			d := open(t, disk, 10)
			failed := false
			disk.Fault = func(_ int, at string) durabletest.Fault {
				if failed || at != op {
					return durabletest.Fault{}
				}
				failed = true
				return durabletest.Fault{Err: durabletest.ErrIO}
			}
			for range 6 {
				tick(t, d)
			}
			synctest.Wait()
			calls := disk.Calls
			var storage *StorageError
			_, err := d.Tick(t.Context())
			require.ErrorAs(t, err, &storage, op)
			require.ErrorIs(t, err, durabletest.ErrIO)
			_, err = d.Witness(t.Context(), 3)
			require.ErrorAs(t, err, &storage)
			require.ErrorAs(t, d.Observe(t.Context(), 50), &storage)
			require.ErrorAs(t, d.Close(), &storage)
			require.Equal(t, calls, disk.Calls, "nothing more was tried")
			require.LessOrEqual(t, d.Time(), uint64(10))
			require.False(t, disk.Locked)
		})
	}
}

// TestDurable_NothingIsWrittenInVain: nothing up to half of the reserve, one renewal
// after it, in the background.
func TestDurable_NothingIsWrittenInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 100)
		calls := disk.Calls
		for range 50 {
			tick(t, d)
		}
		synctest.Wait()
		require.Equal(t, calls, disk.Calls)
		for range 50 {
			tick(t, d)
		}
		synctest.Wait()
		perFile := len([]string{"create", "write", "sync", "close", "rename", "syncdir"})
		require.Equal(t, calls+len(slotNames)*perFile, disk.Calls)
		require.Zero(t, d.ahead.Waited())
		require.NoError(t, d.Close())
	})
}

// TestDurable_NothingAfterClose: those that wait for the disk get an error, and Close waits
// for it.
func TestDurable_NothingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		d := open(t, disk, 10)
		disk.Fault = func(int, string) durabletest.Fault {
			return durabletest.Fault{Slow: func() { time.Sleep(time.Second) }}
		}
		errs := make(chan error)
		go func() {
			_, err := d.Witness(t.Context(), 500)
			errs <- err
		}()
		synctest.Wait()
		require.Equal(t, uint64(10), d.Time(), "a number that waits is not shown to anybody")
		closed := make(chan error)
		go func() { closed <- d.Close() }()
		require.ErrorIs(t, <-errs, ErrClosed)
		require.NoError(t, <-closed)
		require.NoError(t, d.Close(), "closing twice is harmless")
		_, err := d.Tick(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		require.ErrorIs(t, d.Observe(t.Context(), 1), ErrClosed)
		require.False(t, disk.Locked)
	})
}

// TestDurable_Refusals: what a start does not touch.
func TestDurable_Refusals(t *testing.T) {
	isState := func(t *testing.T, err error) { require.ErrorAs(t, err, new(*StateError)) }
	is := func(want error) func(*testing.T, error) {
		return func(t *testing.T, err error) { require.ErrorIs(t, err, want) }
	}
	for name, c := range map[string]struct {
		spoil func(disk *durabletest.Disk)
		o     DurableOptions
		check func(t *testing.T, err error)
	}{
		"both slots are gone, the marker is not": {
			spoil: func(disk *durabletest.Disk) { delete(disk.Names, slotNames[0]); delete(disk.Names, slotNames[1]) },
			check: isState,
		},
		"both slots are cut": {
			spoil: func(disk *durabletest.Disk) {
				for _, name := range slotNames {
					disk.Names[name].Now = disk.Names[name].Now[:slotSize-1]
				}
			},
			check: isState,
		},
		"both slots are empty and the marker is gone": {
			spoil: func(disk *durabletest.Disk) {
				delete(disk.Names, markerName)
				disk.Names[slotNames[0]].Now, disk.Names[slotNames[1]].Now = nil, nil
			},
			check: isState,
		},
		"a bound that no Lamport clock saves": {
			spoil: func(disk *durabletest.Disk) {
				disk.Names[slotNames[0]].Now, disk.Names[slotNames[1]].Now = encodeSlot(MaxTime+1), encodeSlot(math.MaxUint64)
			},
			check: isState,
		},
		"an empty directory, and one that exists was expected": {
			spoil: func(disk *durabletest.Disk) { clear(disk.Names) }, o: DurableOptions{Existing: true},
			check: is(ErrNoState),
		},
		"another process has it": {
			spoil: func(disk *durabletest.Disk) { disk.Locked = true }, check: is(ErrLocked),
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := durabletest.New()
			require.NoError(t, open(t, disk, 10).Close())
			c.spoil(disk)
			before := disk.Crash(nil)
			_, err := openDurable(disk, c.o)
			c.check(t, err)
			require.Equal(t, before.Names, disk.Crash(nil).Names, "the disk is as it was")
		})
	}
}

// TestDurable_OneOldSlotPutBack: the higher bound counts.
func TestDurable_OneOldSlotPutBack(t *testing.T) {
	for _, name := range slotNames {
		disk := durabletest.New()
		d := open(t, disk, 10)
		_, err := d.Witness(t.Context(), 500)
		require.NoError(t, err)
		require.NoError(t, d.Close())
		disk.Names[name].Now = encodeSlot(7)
		d = open(t, disk, 10)
		require.Greater(t, tick(t, d), uint64(501))
		require.NoError(t, d.Close())
	}
}

// TestDurable_Golden keeps the form from changing. (The CRC-32C was computed bit by bit
// in another language.)
func TestDurable_Golden(t *testing.T) {
	want := "lamport1" + "\x01\x02\x03\x04\x05\x06\x07\x08" + "\xd6\x5e\xc2\xaf"
	require.Equal(t, want, string(encodeSlot(0x0102030405060708)))
	bound, err := decodeSlot([]byte(want))
	require.NoError(t, err)
	require.Equal(t, uint64(0x0102030405060708), bound)
}

// TestDurable_ManyGoroutines: no number twice and none from before, on a real disk, with
// Close in the middle of it all.
func TestDurable_ManyGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir, highest := t.TempDir(), uint64(0)
	for range 3 {
		d, err := OpenDurable(DurableOptions{Dir: dir, Reserve: 500})
		require.NoError(t, err)
		require.LessOrEqual(t, highest, d.Recovery().Bound)
		const goroutines = 4
		seen := make([][]uint64, goroutines)
		var work sync.WaitGroup
		for g := range goroutines {
			work.Go(func() {
				for i := uint64(0); ; i++ {
					n, err := d.Tick(t.Context())
					if i%3 == 0 && err == nil {
						n, err = d.Witness(t.Context(), n)
					}
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					if seen[g] = append(seen[g], n); g == 0 && i == 5_000 {
						work.Go(func() { _ = d.Close() })
					}
				}
			})
		}
		work.Wait()
		for _, s := range seen {
			require.True(t, slices.IsSorted(s))
		}
		all := slices.Concat(seen...)
		slices.Sort(all)
		require.Equal(t, all, slices.Compact(slices.Clone(all)), "none twice")
		require.Greater(t, all[0], d.Recovery().Bound)
		highest = all[len(all)-1]
		require.LessOrEqual(t, highest, d.Time())
	}
}

// TestOpenDurable_Directories that will not do.
func TestOpenDurable_Directories(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenDurable(DurableOptions{Dir: filepath.Join(dir, "absent")})
	require.ErrorIs(t, err, os.ErrNotExist, "it is not created: an unmounted disk would look like that")
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = OpenDurable(DurableOptions{Dir: file})
	require.ErrorContains(t, err, "is not a directory")
}

// TestDurable_DoesNotAllocate within the reserve.
func TestDurable_DoesNotAllocate(t *testing.T) {
	d := open(t, durabletest.New(), math.MaxInt32)
	ctx := context.Background()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		n, _ := d.Tick(ctx)
		_, _ = d.Witness(ctx, n)
		_ = d.Observe(ctx, 1)
		d.Time()
	}))
	require.NoError(t, d.Close())
}
