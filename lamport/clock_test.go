package lamport

import (
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClock_Stories(t *testing.T) {
	var c Clock
	require.Zero(t, c.Time(), "the zero value is ready and has seen nothing")
	n, err := c.Tick()
	require.NoError(t, err)
	require.Equal(t, uint64(1), n, "the first event")
	n, err = c.Witness(10)
	require.NoError(t, err)
	require.Equal(t, uint64(11), n, "a message from ahead pulls the clock along")
	n, err = c.Witness(3)
	require.NoError(t, err)
	require.Equal(t, uint64(12), n, "one from behind is an event all the same")
	require.Equal(t, uint64(12), c.Time())
}

// TestClock_SaturatesAndNeverWraps: at the end of the range there is an error
// and no change.
func TestClock_SaturatesAndNeverWraps(t *testing.T) {
	var c Clock
	for _, remote := range []uint64{MaxTime, MaxTime + 1, math.MaxUint64} {
		_, err := c.ForceWitness(remote)
		require.ErrorIs(t, err, ErrExhausted, "nothing is above %d", remote)
		require.Zero(t, c.Time())
	}
	n, err := c.ForceWitness(MaxTime - 1)
	require.NoError(t, err)
	require.Equal(t, MaxTime, n, "the last number is used")
	for range 3 {
		_, err = c.Tick()
		require.ErrorIs(t, err, ErrExhausted)
		_, err = c.Witness(1)
		require.ErrorIs(t, err, ErrExhausted)
		require.ErrorIs(t, c.Observe(MaxTime+1), ErrExhausted)
		require.NoError(t, c.Observe(MaxTime), "it is there already")
		require.Equal(t, MaxTime, c.Time())
		require.Equal(t, MaxTime, c.last.Load(), "what was added is taken back")
	}
}

// TestClock_SaturatesUnderContention lets many goroutines run over the end at
// once: each of the last numbers is issued once, and nothing after them.
func TestClock_SaturatesUnderContention(t *testing.T) {
	const left, goroutines, each = 1_000, 8, 2_000
	var c Clock
	_, err := c.ForceWitness(MaxTime - left - 1)
	require.NoError(t, err)
	seen := make([][]uint64, goroutines)
	var work sync.WaitGroup
	for g := range goroutines {
		work.Go(func() {
			for i := range each {
				tick := c.Tick
				if i%5 == 0 {
					tick = func() (uint64, error) { return c.Witness(c.Time()) }
				}
				switch n, err := tick(); {
				case err == nil:
					seen[g] = append(seen[g], n)
				case err != ErrExhausted:
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	all := slices.Concat(seen...)
	slices.Sort(all)
	require.Len(t, all, left)
	for i, n := range all {
		require.Equal(t, MaxTime-left+1+uint64(i), n, "each once")
	}
	require.Equal(t, MaxTime, c.last.Load(), "what was added is taken back")
}

func TestClock_Observe_IsNoEvent(t *testing.T) {
	var c Clock
	require.NoError(t, c.Observe(10))
	require.Equal(t, uint64(10), c.Time())
	require.NoError(t, c.Observe(3), "the past changes nothing")
	n, err := c.Tick()
	require.NoError(t, err)
	require.Equal(t, uint64(11), n)
	var far *TooFarError
	require.ErrorAs(t, c.Observe(12+DefaultMaxLead), &far)
	require.NoError(t, c.Observe(11+DefaultMaxLead), "exactly the limit")
}

// TestClock_OneMessageCannotExhaustIt: without asking for it, nobody believes
// a number from the end of the range.
func TestClock_OneMessageCannotExhaustIt(t *testing.T) {
	for _, remote := range []uint64{DefaultMaxLead + 1, MaxTime - 1, MaxTime, math.MaxUint64} {
		var c Clock
		var far *TooFarError
		_, err := c.Witness(remote)
		require.ErrorAs(t, err, &far)
		require.Equal(t, TooFarError{Remote: remote, MaxLead: DefaultMaxLead}, *far)
		require.ErrorAs(t, c.Observe(remote), &far)
		require.Zero(t, c.Time())
	}
}

func TestClock_WitnessWithin_RefusesWithoutATrace(t *testing.T) {
	var c Clock
	n, err := c.WitnessWithin(100, 100)
	require.NoError(t, err, "exactly the limit")
	require.Equal(t, uint64(101), n)
	_, err = c.WitnessWithin(202, 100)
	var far *TooFarError
	require.ErrorAs(t, err, &far)
	require.Equal(t, TooFarError{Remote: 202, Local: 101, MaxLead: 100}, *far)
	require.Equal(t, uint64(101), c.Time())
	n, err = c.WitnessWithin(5, 0)
	require.NoError(t, err, "the past is never too far")
	require.Equal(t, uint64(102), n)
}

// TestClock_ManyGoroutines: no number twice, and upwards for each goroutine.
func TestClock_ManyGoroutines(t *testing.T) {
	var c Clock
	const goroutines, each = 8, 5_000
	seen := make([][]uint64, goroutines)
	var work sync.WaitGroup
	for g := range goroutines {
		work.Go(func() {
			for i := range each {
				n, err := c.Tick()
				if i%3 == 0 {
					n, err = c.Witness(n)
				}
				if err != nil {
					t.Error(err)
				}
				seen[g] = append(seen[g], n)
			}
		})
	}
	work.Wait()
	for _, s := range seen {
		require.True(t, slices.IsSorted(s))
	}
	all := slices.Concat(seen...)
	slices.Sort(all)
	require.Len(t, slices.Compact(all), goroutines*each)
}

func TestClock_NoAllocations(t *testing.T) {
	var c Clock
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Tick(); _, _ = c.Witness(c.Time() + 2); _ = c.Observe(1) }))
}
