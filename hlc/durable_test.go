package hlc

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
	"go.uber.org/goleak"
)

// node opens a Durable over a disk, with a wall clock that the test moves.
func node(t *testing.T, disk *durabletest.Disk, wall *int64, o DurableOptions) (*Durable, error) {
	t.Helper()
	clock, err := New(Options{Physical: func() int64 { return *wall }})
	require.NoError(t, err)
	if o.Window == 0 {
		o.Window = window
	}
	return openDurable(t.Context(), clock, disk, o)
}

func mustNow(t *testing.T, d *Durable) Timestamp {
	t.Helper()
	ts, err := d.Now(t.Context())
	require.NoError(t, err)
	return ts
}

// TestDurable_CleanRestartLosesNothing: after Close the next run goes on right
// above the last timestamp, though the clock went back an hour.
func TestDurable_CleanRestartLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		require.Equal(t, Recovery{First: true, Incarnation: 1}, d.Recovery())
		wall++
		last := mustNow(t, d)
		require.NoError(t, d.Close())
		require.NoError(t, d.Close(), "closing twice is harmless")
		_, err = d.Now(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, last, d.Peek())

		wall -= int64(DefaultMaxLead)
		d, err = node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		require.Equal(t, Recovery{Clean: true, Bound: last, Incarnation: 2}, d.Recovery())
		require.Equal(t, Timestamp{WallTime: last.WallTime, Logical: last.Logical + 2}, mustNow(t, d), "the start itself took one")
		require.NoError(t, d.Close())
	})
}

// TestDurable_JumpWaitRefuse are the three ways to get above the old bound.
func TestDurable_JumpWaitRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		back   time.Duration // by how much the clock went back after the crash
		waits  time.Duration
		refuse bool
	}{
		"peers believe the bound: jump":                          {back: -window + DefaultMaxLead},
		"a little too far: wait until they do":                   {back: 0, waits: window - DefaultMaxLead},
		"as long as is allowed":                                  {back: 2*time.Second + DefaultMaxLead, waits: 3 * time.Second},
		"too long: refuse, and leave the disk as it was":         {back: 2*time.Second + DefaultMaxLead + 1, refuse: true},
		"the clock is ahead of the bound: nothing to wait for":   {back: -time.Hour},
		"a bound from another century: refuse, do not wait":      {back: 50 * 365 * 24 * time.Hour, refuse: true},
		"the clock stands where the bound is: one tick above it": {back: -window},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk, wall := durabletest.New(), firstWall
				d, err := node(t, disk, &wall, DurableOptions{})
				require.NoError(t, err)
				defer d.Close()
				last := mustNow(t, d)
				disk = disk.Crash(nil)

				booted := time.Now()
				back := firstWall - int64(c.back)
				clock, err := New(Options{Physical: func() int64 { return back + int64(time.Since(booted)) }})
				require.NoError(t, err)
				again, err := openDurable(t.Context(), clock, disk, DurableOptions{Window: window, MaxWait: 3 * time.Second})
				require.Equal(t, c.waits, time.Since(booted))
				if c.refuse {
					var far *BoundTooFarError
					require.ErrorAs(t, err, &far)
					require.Equal(t, BoundTooFarError{Bound: covering(firstWall + int64(window)), Lead: window + c.back, Limit: DefaultMaxLead, MaxWait: 3 * time.Second}, *far)
					require.False(t, disk.Locked)
					require.True(t, disk.Settled())
					return
				}
				require.NoError(t, err)
				require.Equal(t, c.waits, again.Recovery().Waited)
				require.True(t, mustNow(t, again).After(covering(last.WallTime+int64(window))))
				require.NoError(t, again.Close())
			})
		})
	}
}

// TestDurable_AnErrorIsFinal: one failed call ends it, though the disk works
// again; Close says so too and writes nothing more.
func TestDurable_AnErrorIsFinal(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "close", "rename", "syncdir"} {
		synctest.Test(t, func(t *testing.T) {
			disk, wall := durabletest.New(), firstWall
			d, err := node(t, disk, &wall, DurableOptions{})
			require.NoError(t, err)
			failed := false
			disk.Fault = func(_ int, at string) durabletest.Fault {
				if failed || at != op {
					return durabletest.Fault{}
				}
				failed = true
				return durabletest.Fault{Err: durabletest.ErrIO}
			}
			wall += int64(window)
			mustNow(t, d)
			synctest.Wait()
			calls := disk.Calls
			var storage *StorageError
			_, err = d.Now(t.Context())
			require.ErrorAs(t, err, &storage, op)
			require.ErrorIs(t, err, durabletest.ErrIO)
			_, err = d.Update(t.Context(), Timestamp{WallTime: wall})
			require.ErrorAs(t, err, &storage)
			require.ErrorAs(t, d.Observe(t.Context(), Timestamp{WallTime: wall}), &storage)
			require.ErrorAs(t, d.Close(), &storage)
			require.Equal(t, calls, disk.Calls, "nothing more was tried")
			require.False(t, disk.Locked)
		})
	}
}

// TestDurable_AnErrorUnderClose: a write that is under way when Close is called, and then fails, is the
// last thing that is tried.
func TestDurable_AnErrorUnderClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		disk.Fault = func(_ int, op string) durabletest.Fault {
			return durabletest.Fault{Err: durabletest.ErrIO, Slow: func() { time.Sleep(time.Minute) }}
		}
		wall += int64(window) * 3 / 4
		mustNow(t, d)
		synctest.Wait() // the renewal is at its first call
		calls := disk.Calls
		var storage *StorageError
		require.ErrorAs(t, d.Close(), &storage)
		require.Equal(t, calls, disk.Calls)
	})
}

// TestDurable_Refusals: what a start does not touch.
func TestDurable_Refusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(disk *durabletest.Disk)
		o     DurableOptions
		check func(t *testing.T, err error)
	}{
		"both slots are gone, the marker is not": {
			spoil: func(disk *durabletest.Disk) { delete(disk.Names, slotNames[0]); delete(disk.Names, slotNames[1]) },
			check: isStateError,
		},
		"both slots are damaged": {
			spoil: func(disk *durabletest.Disk) {
				for _, name := range slotNames {
					disk.Names[name].Now = disk.Names[name].Now[:recordSize-1]
				}
			},
			check: isStateError,
		},
		"both slots are damaged and the marker is gone": {
			spoil: func(disk *durabletest.Disk) {
				delete(disk.Names, markerName)
				disk.Names[slotNames[0]].Now, disk.Names[slotNames[1]].Now = nil, nil
			},
			check: isStateError,
		},
		"the slots changed places": {
			spoil: func(disk *durabletest.Disk) {
				disk.Names[slotNames[0]], disk.Names[slotNames[1]] = disk.Names[slotNames[1]], disk.Names[slotNames[0]]
			},
			check: isStateError,
		},
		"the directory of another node": {
			o:     DurableOptions{Node: 7},
			check: func(t *testing.T, err error) { require.Equal(t, &WrongNodeError{Have: 0, Want: 7}, err) },
		},
		"an empty directory, and one that exists was expected": {
			spoil: func(disk *durabletest.Disk) { clear(disk.Names) }, o: DurableOptions{Existing: true},
			check: func(t *testing.T, err error) { require.ErrorIs(t, err, ErrNoState) },
		},
		"another process has it": {
			spoil: func(disk *durabletest.Disk) { disk.Locked = true },
			check: func(t *testing.T, err error) { require.ErrorIs(t, err, ErrLocked) },
		},
		"a negative window": {
			o:     DurableOptions{Window: -1},
			check: func(t *testing.T, err error) { require.ErrorContains(t, err, "negative") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk, wall := durabletest.New(), firstWall
			d, err := node(t, disk, &wall, DurableOptions{})
			require.NoError(t, err)
			require.NoError(t, d.Close())
			if c.spoil != nil {
				c.spoil(disk)
			}
			before := disk.Crash(nil)
			_, err = node(t, disk, &wall, c.o)
			require.Error(t, err)
			c.check(t, err)
			require.Equal(t, before.Names, disk.Crash(nil).Names, "the disk is as it was")
		})
	}
}

func isStateError(t *testing.T, err error) {
	t.Helper()
	var state *StateError
	require.ErrorAs(t, err, &state)
}

// TestDurable_ALostSlotIsReported: the other one's largest step is in the bound, and the
// next start finds both intact.
func TestDurable_ALostSlotIsReported(t *testing.T) {
	disk, wall := durabletest.New(), firstWall
	d, err := node(t, disk, &wall, DurableOptions{})
	require.NoError(t, err)
	newest := slotNames[d.slots.last.Sequence%2]
	disk2 := disk.Crash(nil)
	require.NoError(t, d.Close())
	delete(disk2.Names, newest)
	wall += int64(window)

	d, err = node(t, disk2, &wall, DurableOptions{})
	require.NoError(t, err)
	require.ErrorContains(t, d.Recovery().Damage, newest+": file does not exist")
	require.Equal(t, covering(firstWall+int64(window)), d.Recovery().Bound, "the first record allowed a step to it")
	require.NoError(t, d.Close())
	d, err = node(t, disk2, &wall, DurableOptions{})
	require.NoError(t, err)
	require.NoError(t, d.Recovery().Damage)
	require.NoError(t, d.Close())
}

// TestDurable_Observe_IsCoveredToo: what a message told us is remembered across a
// crash, or Observe has not returned.
func TestDurable_Observe_IsCoveredToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{Window: time.Millisecond})
		require.NoError(t, err)
		defer d.Close()
		remote := Timestamp{WallTime: firstWall + int64(DefaultMaxLead)/2, Logical: 9}
		require.NoError(t, d.Observe(t.Context(), remote))
		require.Equal(t, remote, d.Peek())
		after := disk.Crash(nil)
		again, err := node(t, after, &wall, DurableOptions{Window: time.Millisecond})
		require.NoError(t, err)
		require.True(t, mustNow(t, again).After(remote))
		require.NoError(t, again.Close())

		require.Error(t, d.Observe(t.Context(), Timestamp{WallTime: math.MaxInt64}))
		_, err = d.Update(t.Context(), Timestamp{})
		require.ErrorIs(t, err, ErrUnset)
	})
}

// TestDurable_Peek_IsNotAboveTheBound: a timestamp that waits for the disk is not
// shown to anybody.
func TestDurable_Peek_IsNotAboveTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		disk.Fault = func(_ int, op string) durabletest.Fault {
			return durabletest.Fault{Slow: func() { time.Sleep(time.Minute) }}
		}
		wall += int64(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = d.Now(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, covering(firstWall+int64(window)), d.Peek())
		require.Equal(t, uint64(1), d.Stats().Waited)
		require.NoError(t, d.Close())
		last, err := readState(disk)
		require.NoError(t, err)
		_, bound, _, err := last.newest()
		require.NoError(t, err)
		require.Equal(t, covering(firstWall+int64(window)), bound, "nobody got the other one")
	})
}

// TestDurable_NobodyCallsNothingIsWritten, and a pause costs the next caller a wait.
func TestDurable_NobodyCallsNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		calls := disk.Calls
		time.Sleep(time.Hour)
		wall += int64(window) / 2
		mustNow(t, d)
		synctest.Wait()
		require.Equal(t, calls, disk.Calls, "up to half the window there is nothing to do")
		wall++
		mustNow(t, d)
		synctest.Wait()
		require.Equal(t, uint64(1), d.Stats().Renewals)
		require.Zero(t, d.Stats().Waited, "renewed in the background")
		wall += int64(time.Hour)
		mustNow(t, d)
		require.Equal(t, uint64(1), d.Stats().Waited)
		require.NoError(t, d.Close())
	})
}

// TestDurable_ManyGoroutines: unique across callers and across runs, on a real
// disk, with Close in the middle of it all.
func TestDurable_ManyGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	seen := map[Timestamp]bool{}
	highest := Timestamp{}
	for range 3 {
		clock, err := New(Options{MaxLead: Unlimited})
		require.NoError(t, err)
		d, err := OpenDurable(t.Context(), clock, DurableOptions{Dir: dir, Window: 50 * time.Millisecond})
		require.NoError(t, err)
		var work sync.WaitGroup
		var mu sync.Mutex
		var all []Timestamp
		enough := make(chan struct{})
		for range 4 {
			work.Go(func() {
				for i := 0; ; i++ {
					ts, err := d.Now(t.Context())
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if all = append(all, ts); len(all) == 40_000 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		require.NoError(t, d.Close())
		work.Wait()
		saved, err := InspectDurable(dir)
		require.NoError(t, err)
		for _, ts := range all {
			require.False(t, seen[ts], "%v came twice", ts)
			require.True(t, ts.After(d.Recovery().Bound), "%v is not above the last run", ts)
			require.False(t, ts.After(saved.Bound), "%v is above what Close saved, %v", ts, saved.Bound)
			seen[ts] = true
			if ts.After(highest) {
				highest = ts
			}
		}
	}
}

func TestOpenDurable_DirectoriesThatWillNotDo(t *testing.T) {
	clock, err := New(Options{})
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = OpenDurable(t.Context(), clock, DurableOptions{Dir: filepath.Join(dir, "absent")})
	require.ErrorIs(t, err, os.ErrNotExist, "it is not created: an unmounted disk would look like that")
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = OpenDurable(t.Context(), clock, DurableOptions{Dir: file})
	require.ErrorContains(t, err, "is not a directory")

}

// TestOpenDurable_ReadOnlyDirectory is refused, not worked around.
func TestOpenDurable_ReadOnlyDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Skip("nothing is read-only for root, and directories on Windows")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	clock, err := New(Options{})
	require.NoError(t, err)
	_, err = OpenDurable(t.Context(), clock, DurableOptions{Dir: dir})
	var storage *StorageError
	require.ErrorAs(t, err, &storage)
}
