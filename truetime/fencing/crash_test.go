package fencing

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

// world is one storage over its runs: its disk, and the highest token of each resource that anybody was told yes for.
type world struct {
	t       *testing.T
	story   string // printed on failure
	r       *rand.Rand
	disk    *durabletest.Disk
	highest map[string]Token
	refused int
}

func newWorld(t *testing.T, story string, seed, stream uint64) *world {
	return &world{t: t, story: story, r: rand.New(rand.NewPCG(seed, stream)), disk: durabletest.New(), highest: map[string]Token{}}
}

// run is one run of the storage: open, some tokens, and Close if it gets that far.
func (w *world) run(events int) (err error) {
	reg, err := open(w.disk, Options{})
	if err != nil {
		return err
	}
	defer func() {
		if e := reg.Close(); err == nil {
			err = e
		}
	}()
	for range events {
		name := fmt.Sprint("resource ", w.r.IntN(3))
		token := w.highest[name] + Token(w.r.IntN(4))
		if token > 1 && w.r.IntN(3) == 0 {
			token -= 1 + Token(w.r.Uint64N(uint64(token-1)))
		}
		if err := w.event(reg, name, token); err != nil {
			return err
		}
	}
	return nil
}

// event is one token: refused if it is below what was said yes to, in this run or any before.
func (w *world) event(reg *Register, name string, token Token) error {
	act := func() error { return reg.Check(context.Background(), name, token) }
	if w.r.IntN(2) == 0 {
		act = func() error {
			return reg.Do(context.Background(), name, token, func(context.Context) error { return nil })
		}
	}
	err := act()
	switch {
	case errors.As(err, new(*StaleError)):
		w.refused++
		return nil // which a run that was cut off may have made so
	case token == 0 && errors.Is(err, ErrNoToken):
		return nil
	case err != nil:
		return err
	}
	w.accepted(name, token)
	return nil
}

// accepted: no lower one than before, and what was said yes to is durable. Whatever the disk may still forget is forgotten for
// the look at it.
func (w *world) accepted(name string, token Token) {
	require.GreaterOrEqual(w.t, token, w.highest[name], "%s: a stale token was accepted", w.story)
	w.highest[name] = token
	for _, r := range []*rand.Rand{nil, w.r} {
		saved, _, _, err := readSlots(w.disk.Crash(r))
		require.NoError(w.t, err, w.story)
		require.GreaterOrEqual(w.t, saved.max[name], token, "%s: said yes before it was durable", w.story)
	}
}

// TestRegister_CrashAfterEveryCall: three runs of a storage, the machine stopping or the disk failing at each call in turn. After a
// failure the next run begins on the same machine. At the end it stops, what was not synced is lost, torn or reordered,
// and no run ever accepts a token below one that was said yes to.
func TestRegister_CrashAfterEveryCall(t *testing.T) {
	seeds := 8
	if testing.Short() || raced {
		seeds = 2
	}
	runs := durabletest.EveryCall(t, seeds, crashAt)
	if seeds > 2 {
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
		if err := w.run(6); err != nil {
			require.True(t, met, "%s: %v", story, err)
			require.True(t, errors.As(err, new(*StorageError)) || errors.Is(err, f.Err), "%s: %v", story, err)
		}
	}
	w.disk = w.disk.Crash(w.r)
	require.NoError(t, w.run(6), story)
	return met
}

// TestRegister_CrashUponCrash: the machine stops again and again at random calls, in the middle of a start too.
func TestRegister_CrashUponCrash(t *testing.T) {
	refused := 0
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf("seed %d", seed), seed, 1)
			for range 12 {
				stop, effect := 1+w.r.IntN(60), w.r.IntN(2) == 0
				w.disk.Fault = func(n int, _ string) durabletest.Fault {
					return durabletest.Fault{Crash: n == stop, Effect: n == stop && effect}
				}
				_ = w.run(5)
				w.disk = w.disk.Crash(w.r)
			}
			require.NoError(t, w.run(5), w.story)
			refused += w.refused
		})
	}
	require.Positive(t, refused, "stale tokens were there to be refused")
}

// TestRegister_AfterEIO it says so for ever, to old tokens too, and touches the disk no more. The next start knows what
// was said yes to.
func TestRegister_AfterEIO(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		r, err := open(disk, Options{})
		require.NoError(t, err)
		require.NoError(t, r.Check(t.Context(), "a", 33))
		failed := false
		disk.Fault = func(_ int, op string) durabletest.Fault {
			if op != "sync" || failed {
				return durabletest.Fault{} // the next sync "succeeds", as Linux has it
			}
			failed = true
			return durabletest.Fault{Err: durabletest.ErrIO}
		}
		var storage *StorageError
		require.ErrorAs(t, r.Check(t.Context(), "a", 34), &storage)
		require.ErrorIs(t, storage, durabletest.ErrIO)
		calls := disk.Calls
		disk.Fault = nil
		require.ErrorIs(t, r.Check(t.Context(), "a", 33), storage)
		require.ErrorIs(t, r.Check(t.Context(), "b", 1), storage)
		require.ErrorIs(t, r.Do(t.Context(), "a", 35, nil), storage)
		require.ErrorIs(t, r.Close(), storage)
		require.Equal(t, calls, disk.Calls)
		again := opened(t, disk.Crash(nil), Options{Existing: true})
		require.Error(t, again.Check(t.Context(), "a", 32))
		require.NoError(t, again.Check(t.Context(), "a", 33))
	})
}

// TestRegister_ASlowDisk: callers give up when their context ends, nothing else does, and the next ones go on.
func TestRegister_ASlowDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := durabletest.New()
		r := opened(t, disk, Options{})
		disk.Fault = func(int, string) durabletest.Fault {
			return durabletest.Fault{Slow: func() { time.Sleep(10 * time.Second) }}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Check(ctx, "a", 33), context.DeadlineExceeded)
		require.NoError(t, r.Check(t.Context(), "a", 33))
		require.NoError(t, r.Check(t.Context(), "a", 34))
	})
}

// TestOpen_EveryBitFlipped: whatever bit of one copy is wrong, the next start knows every token, to the last, and says what was wrong.
func TestOpen_EveryBitFlipped(t *testing.T) {
	for slot, name := range slotNames {
		for bit := range 8 * len(table{max: map[string]Token{"orders": 1}}.encode()) {
			synctest.Test(t, func(t *testing.T) {
				disk := durabletest.New()
				r := opened(t, disk, Options{})
				require.NoError(t, r.Check(t.Context(), "orders", 33))
				require.NoError(t, r.Check(t.Context(), "orders", 34))
				disk = disk.Crash(nil)
				disk.Names[name].Now[bit/8] ^= 1 << (bit % 8)
				again, err := open(disk, Options{})
				require.NoError(t, err)
				require.ErrorContains(t, again.Recovery().Damage, name, "bit %d of copy %d", bit, slot)
				require.Equal(t, Token(34), again.Highest("orders"))
				require.NoError(t, again.Close())
				again, err = open(disk, Options{})
				require.NoError(t, err)
				require.NoError(t, again.Recovery().Damage, "it was mended")
				require.NoError(t, again.Close())
			})
		}
	}
}

// TestOpen_BothCopiesLost is refused; a floor is the way back.
func TestOpen_BothCopiesLost(t *testing.T) {
	disk := durabletest.New()
	r := opened(t, disk, Options{})
	require.NoError(t, r.Check(t.Context(), "a", 34))
	require.NoError(t, r.Close())
	for name, lose := range map[string]func(*durabletest.Disk){
		"gone":    func(d *durabletest.Disk) { delete(d.Names, slotNames[0]); delete(d.Names, slotNames[1]) },
		"damaged": func(d *durabletest.Disk) { d.Names[slotNames[0]].Now[30]++; d.Names[slotNames[1]].Now = nil },
	} {
		lost := disk.Crash(nil)
		lose(lost)
		var state *StateError
		_, err := open(lost, Options{Floor: 99})
		require.ErrorAs(t, err, &state, name)
	}
	_, err := open(durabletest.New(), Options{Existing: true})
	require.ErrorIs(t, err, ErrNoState)

	empty := durabletest.New()
	r = opened(t, empty, Options{Floor: 35})
	var stale *StaleError
	require.ErrorAs(t, r.Check(t.Context(), "a", 34), &stale)
	require.Equal(t, Token(35), stale.Highest)
	require.ErrorAs(t, r.Do(t.Context(), "a", 34, nil), &stale)
	require.NoError(t, r.Check(t.Context(), "a", 35))
	require.NoError(t, r.Do(t.Context(), "b", 35, func(context.Context) error { return nil }))
	require.NoError(t, r.Close())
	r = opened(t, empty.Crash(nil), Options{})
	require.ErrorAs(t, r.Check(t.Context(), "c", 34), &stale, "the floor is kept")
}
