package lamport

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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
	_, err := c.Witness(math.MaxUint64)
	require.ErrorIs(t, err, ErrExhausted)
	require.Zero(t, c.Time())
	n, err := c.Witness(math.MaxUint64 - 1)
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), n, "the last number is used")
	for range 2 {
		_, err = c.Tick()
		require.ErrorIs(t, err, ErrExhausted)
		_, err = c.Witness(1)
		require.ErrorIs(t, err, ErrExhausted)
		require.Equal(t, uint64(math.MaxUint64), c.Time())
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

// TestClock_CausesComeFirst passes messages among processes at random. Vector
// clocks, the naive and complete record of causes, are the oracle.
func TestClock_CausesComeFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const processes = 3
		type event struct {
			stamp  Stamp
			vector [processes]int
		}
		var clocks [processes]Clock
		var vectors [processes][processes]int
		var events []event
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			p := rapid.IntRange(0, processes-1).Draw(t, "process")
			var n uint64
			var err error
			if len(events) > 0 && rapid.Bool().Draw(t, "receive") {
				m := events[rapid.IntRange(0, len(events)-1).Draw(t, "message")]
				for i := range m.vector {
					vectors[p][i] = max(vectors[p][i], m.vector[i])
				}
				n, err = clocks[p].Witness(m.stamp.Time)
			} else {
				n, err = clocks[p].Tick()
			}
			require.NoError(t, err)
			vectors[p][p]++
			events = append(events, event{Stamp{n, string(rune('a' + p))}, vectors[p]})
		}
		for i, e := range events {
			for j, f := range events {
				before := i != j && !slices.ContainsFunc([]int{0, 1, 2}, func(k int) bool { return e.vector[k] > f.vector[k] })
				if before {
					require.True(t, e.stamp.Before(f.stamp), "%v → %v", e.stamp, f.stamp)
					require.Less(t, e.stamp.Time, f.stamp.Time)
				}
				require.Equal(t, i == j, e.stamp.Compare(f.stamp) == 0, "the order is total")
				require.Equal(t, -e.stamp.Compare(f.stamp), f.stamp.Compare(e.stamp))
			}
		}
	})
}

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
	var all []uint64
	for _, s := range seen {
		require.True(t, slices.IsSorted(s))
		all = append(all, s...)
	}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), goroutines*each)
}

func TestClock_NoAllocations(t *testing.T) {
	var c Clock
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Tick(); _, _ = c.Witness(c.Time() + 2) }))
}

func ExampleClock() {
	var sender, receiver Clock
	sent, _ := sender.Tick()
	received, _ := receiver.Witness(sent)
	fmt.Println(sent, received, Stamp{sent, "a"}.Before(Stamp{received, "b"}))
	// Output: 1 2 true
}
