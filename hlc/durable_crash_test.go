package hlc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

const window = time.Second

// world is one node over its runs: its disk, its physical clock, and the highest
// timestamp that anybody got from it.
type world struct {
	t       *testing.T
	story   string // printed on failure
	r       *rand.Rand
	disk    *durabletest.Disk
	wall    int64
	highest Timestamp
	got     int
}

const firstWall = int64(1_800_000_000_000_000_000)

// run is one run of the node: open, some events, and Close if it gets that far.
// The disk may fail or stop at any call; what the calls then return is checked
// here, and every timestamp that they hand out.
func (w *world) run(events int) (err error) {
	clock, err := New(Options{Physical: func() int64 { return w.wall }, MaxLead: Unlimited})
	require.NoError(w.t, err)
	d, err := openDurable(context.Background(), clock, w.disk, DurableOptions{Window: window})
	if err != nil {
		return err
	}
	defer func() {
		if e := d.Close(); err == nil {
			err = e
		}
	}()
	for range events {
		w.wall += w.r.Int64N(int64(window))
		if w.r.IntN(8) == 0 {
			w.wall += int64(time.Minute) // nobody called for a while
		}
		if w.r.IntN(8) == 0 {
			w.wall -= int64(time.Minute)
		}
		if err := w.event(d); err != nil {
			return err
		}
		if w.r.IntN(2) == 0 {
			synctest.Wait() // the renewal comes first; else the scheduler decides
		}
	}
	return nil
}

func (w *world) event(d *Durable) (err error) {
	ctx, ts := context.Background(), Timestamp{}
	remote := Timestamp{WallTime: w.wall + w.r.Int64N(int64(2*window)), Logical: uint32(w.r.IntN(3))}
	switch w.r.IntN(4) {
	case 0:
		ts, err = d.Update(ctx, remote)
	case 1:
		if err := d.Observe(ctx, remote); err != nil {
			return err
		}
		ts, err = d.Now(ctx)
	default:
		ts, err = d.Now(ctx)
	}
	if err != nil {
		return err
	}
	w.handedOut(ts)
	return nil
}

// handedOut is I4, and the rule that nothing lies above what is durable: whatever
// the disk may still forget is forgotten for the look at it.
func (w *world) handedOut(ts Timestamp) {
	require.True(w.t, ts.After(w.highest), "%s: %v was handed out after %v", w.story, ts, w.highest)
	w.highest = ts
	w.got++
	for _, r := range []*rand.Rand{nil, w.r} {
		state, err := readState(w.disk.Crash(r))
		require.NoError(w.t, err)
		_, bound, _, err := state.newest()
		require.NoError(w.t, err, w.story)
		require.False(w.t, ts.After(bound), "%s: %v was handed out above the durable bound %v", w.story, ts, bound)
	}
}

// reboot crashes the machine; its clock comes back anywhere near.
func (w *world) reboot() {
	w.disk = w.disk.Crash(w.r)
	w.wall += w.r.Int64N(int64(2*time.Minute)) - int64(time.Minute)
}

// TestDurable_CrashAfterEveryCall: three runs of a node, the machine stopping or
// the disk failing at each call in turn. After a failure the next run begins on the same
// machine. At the end it stops, what was not synced is lost, torn or reordered, and one more
// run is not disturbed: no timestamp ever comes twice, or too low.
func TestDurable_CrashAfterEveryCall(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 4
	}
	runs := durabletest.EveryCall(t, seeds, crashAt)
	if !testing.Short() {
		require.Greater(t, runs, 10_000)
	}
}

// crashAt reports whether there was such a call.
func crashAt(t *testing.T, story string, seed uint64, call int, f durabletest.Fault) bool {
	w := &world{t: t, story: story, r: rand.New(rand.NewPCG(seed, uint64(call))), disk: durabletest.New(), wall: firstWall}
	met := false
	at := func(n int, _ string) durabletest.Fault {
		if n != call {
			return durabletest.Fault{}
		}
		met = true
		return f
	}
	w.disk.Fault = at
	for range 3 {
		err := w.run(4)
		if err == nil {
			continue
		}
		var storage *StorageError
		require.True(t, met, "%s: %v", story, err)
		require.True(t, errors.As(err, &storage) || errors.Is(err, f.Err), "%s: %v", story, err)
	}
	w.reboot()
	before := w.got
	require.NoError(t, w.run(4), story)
	require.Equal(t, before+4, w.got)
	return met
}

// TestDurable_CrashUponCrash: the machine stops again and again at random calls,
// in the middle of a recovery too.
func TestDurable_CrashUponCrash(t *testing.T) {
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{t: t, story: fmt.Sprintf("seed %d", seed), r: rand.New(rand.NewPCG(seed, 1)), disk: durabletest.New(), wall: firstWall}
			for range 12 {
				stop, effect := 1+w.r.IntN(40), w.r.IntN(2) == 0
				w.disk.Fault = func(n int, _ string) durabletest.Fault {
					return durabletest.Fault{Crash: n == stop, Effect: n == stop && effect}
				}
				_ = w.run(3)
				w.reboot()
			}
			require.NoError(t, w.run(3), w.story)
		})
	}
}

// TestDurable_SlowAtEveryCall: a call of the disk takes ten seconds. Callers give up
// when their context ends, nothing else does, and the next ones go on.
func TestDurable_SlowAtEveryCall(t *testing.T) {
	late := 0
	for call, met := 1, true; met; call++ {
		synctest.Test(t, func(t *testing.T) {
			disk, wall := durabletest.New(), firstWall
			met = false
			disk.Fault = func(n int, _ string) durabletest.Fault {
				if n != call {
					return durabletest.Fault{}
				}
				met = true
				return durabletest.Fault{Slow: func() { time.Sleep(10 * time.Second) }}
			}
			w := &world{t: t, story: fmt.Sprintf("call %d is slow", call), r: rand.New(rand.NewPCG(1, 1)), disk: disk}
			clock, err := New(Options{Physical: func() int64 { return wall }})
			require.NoError(t, err)
			d, err := openDurable(t.Context(), clock, disk, DurableOptions{Window: window})
			require.NoError(t, err)
			for range 10 {
				wall += int64(window) / 3
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				ts, err := d.Now(ctx)
				cancel()
				if err != nil {
					late++
					require.ErrorIs(t, err, context.DeadlineExceeded)
					continue
				}
				w.handedOut(ts)
			}
			ts, err := d.Now(t.Context())
			require.NoError(t, err, w.story)
			w.handedOut(ts)
			require.NoError(t, d.Close())
		})
	}
	require.Positive(t, late, "somebody had to give up")
}

// TestDurable_EveryBitFlipped: whatever bit of one slot is wrong, the next start
// is above all that was handed out, and says that it was.
func TestDurable_EveryBitFlipped(t *testing.T) {
	for slot := range slotNames {
		for bit := range 8 * recordSize {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, story: fmt.Sprintf("bit %d of slot %d", bit, slot), r: rand.New(rand.NewPCG(uint64(bit), 2)), disk: durabletest.New(), wall: firstWall}
				w.disk.Fault = func(n int, _ string) durabletest.Fault { return durabletest.Fault{Crash: n == 30} }
				for w.run(20) == nil { // until the machine stops
				}
				w.disk = w.disk.Crash(nil)
				w.disk.Names[slotNames[slot]].Now[bit/8] ^= 1 << (bit % 8)
				state, err := readState(w.disk)
				require.NoError(t, err)
				require.Error(t, state.inspect().Damage, w.story)
				w.wall -= int64(time.Minute)
				require.NoError(t, w.run(1), w.story)
			})
		}
	}
}
