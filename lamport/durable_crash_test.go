package lamport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// world is one node over its runs: its disk, and the highest number that anybody got
// from it or told it.
type world struct {
	t       *testing.T
	story   string // printed on failure
	r       *rand.Rand
	disk    *durabletest.Disk
	highest uint64
	got     int
}

func newWorld(t *testing.T, story string, seed, stream uint64) *world {
	return &world{t: t, story: story, r: rand.New(rand.NewPCG(seed, stream)), disk: durabletest.New()}
}

// run is one run of the node: open, some events, and Close if it gets that far.
func (w *world) run(events int) (err error) {
	d, err := openDurable(w.disk, DurableOptions{Reserve: 5})
	if err != nil {
		return err
	}
	defer func() {
		if e := d.Close(); err == nil {
			err = e
		}
	}()
	for range events {
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
	ctx, n, remote := context.Background(), uint64(0), w.highest+w.r.Uint64N(12)
	switch w.r.IntN(4) {
	case 0:
		if n, err = d.Witness(ctx, remote); err == nil {
			require.Greater(w.t, n, remote, w.story)
		}
	case 1:
		if err = d.Observe(ctx, remote); err == nil {
			w.highest = max(w.highest, remote)
		}
		return err
	default:
		n, err = d.Tick(ctx)
	}
	if err != nil {
		return err
	}
	w.handedOut(n)
	return nil
}

// handedOut: above all before it, and not above what is durable. Whatever the disk may
// still forget is forgotten for the look at it.
func (w *world) handedOut(n uint64) {
	require.Greater(w.t, n, w.highest, w.story)
	w.highest = n
	w.got++
	for _, r := range []*rand.Rand{nil, w.r} {
		found, _, err := readSlots(w.disk.Crash(r))
		require.NoError(w.t, err, w.story)
		require.LessOrEqual(w.t, n, found.Bound, "%s: above the durable bound", w.story)
	}
}

// TestDurable_CrashAfterEveryCall: three runs of a node, the machine stopping or the
// disk failing at each call in turn. After a failure the next run begins on the same
// machine. At the end it stops, what was not synced is lost, torn or reordered, and one
// more run is not disturbed: no number comes twice, or below one that was heard of.
func TestDurable_CrashAfterEveryCall(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 2
	}
	runs := durabletest.EveryCall(t, seeds, crashAt)
	if !testing.Short() {
		require.Greater(t, runs, 5_000)
	}
}

// crashAt reports whether there was such a call.
func crashAt(t *testing.T, story string, seed uint64, call int, f durabletest.Fault) (met bool) {
	w := newWorld(t, story, seed, uint64(call))
	w.disk.Fault = func(n int, _ string) durabletest.Fault {
		if n != call {
			return durabletest.Fault{}
		}
		met = true
		return f
	}
	for range 3 {
		if err := w.run(5); err != nil {
			require.True(t, met, "%s: %v", story, err)
			require.True(t, errors.As(err, new(*StorageError)) || errors.Is(err, f.Err), "%s: %v", story, err)
		}
	}
	w.disk = w.disk.Crash(w.r)
	before := w.highest
	require.NoError(t, w.run(5), story)
	require.GreaterOrEqual(t, w.highest, before)
	return met
}

// TestDurable_CrashUponCrash: the machine stops again and again at random calls, in the
// middle of a recovery too.
func TestDurable_CrashUponCrash(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf("seed %d", seed), seed, 1)
			for range 12 {
				stop, effect := 1+w.r.IntN(40), w.r.IntN(2) == 0
				w.disk.Fault = func(n int, _ string) durabletest.Fault {
					return durabletest.Fault{Crash: n == stop, Effect: n == stop && effect}
				}
				_ = w.run(4)
				w.disk = w.disk.Crash(w.r)
			}
			require.NoError(t, w.run(4), w.story)
		})
	}
}

// TestDurable_SlowAtEveryCall: a call of the disk takes ten seconds. Callers give up
// when their context ends, nothing else does, and the next ones go on.
func TestDurable_SlowAtEveryCall(t *testing.T) {
	late := 0
	for call, met := 1, true; met; call++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf("call %d is slow", call), 1, 1)
			met = false
			w.disk.Fault = func(n int, _ string) durabletest.Fault {
				if n != call {
					return durabletest.Fault{}
				}
				met = true
				return durabletest.Fault{Slow: func() { time.Sleep(10 * time.Second) }}
			}
			d, err := openDurable(w.disk, DurableOptions{Reserve: 4})
			require.NoError(t, err)
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				n, err := d.Tick(ctx)
				cancel()
				if err != nil {
					late++
					require.ErrorIs(t, err, context.DeadlineExceeded)
					continue
				}
				w.handedOut(n)
			}
			n, err := d.Tick(t.Context())
			require.NoError(t, err, w.story)
			w.handedOut(n)
			require.NoError(t, d.Close())
		})
	}
	require.Positive(t, late, "somebody had to give up")
}

// TestDurable_EveryBitFlipped: whatever bit of one slot is wrong, the next start is
// above all that was handed out, and says that it was; the one after it finds both intact.
func TestDurable_EveryBitFlipped(t *testing.T) {
	for slot, name := range slotNames {
		for bit := range 8 * slotSize {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, fmt.Sprintf("bit %d of slot %d", bit, slot), uint64(bit), 2)
				w.disk.Fault = func(n int, _ string) durabletest.Fault { return durabletest.Fault{Crash: n == 200} }
				for w.run(20) == nil { // until the machine stops
				}
				require.Positive(t, w.got)
				w.disk = w.disk.Crash(nil)
				w.disk.Names[name].Now[bit/8] ^= 1 << (bit % 8)
				replaced := ""
				w.disk.Fault = func(_ int, op string) durabletest.Fault {
					if op == "rename" && replaced == "" {
						for file := range w.disk.Names {
							replaced, _ = strings.CutSuffix(file, ".new")
							if replaced != file {
								break
							}
						}
					}
					return durabletest.Fault{}
				}
				d, err := openDurable(w.disk, DurableOptions{})
				require.NoError(t, err, w.story)
				require.ErrorContains(t, d.Recovery().Damage, name, w.story)
				require.Equal(t, name, replaced, "%s: the damaged one first, so that one is always intact", w.story)
				w.handedOut(tick(t, d))
				require.NoError(t, d.Close())
				w.disk.Fault = nil
				d, err = openDurable(w.disk, DurableOptions{})
				require.NoError(t, err)
				require.NoError(t, d.Recovery().Damage)
				w.handedOut(tick(t, d))
				require.NoError(t, d.Close())
			})
		}
	}
}
