package lamport

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// memory is a Store without a disk: the bounds that were saved, and what fails.
type memory struct {
	bounds []uint64
	err    error         // what Bound and Save return
	saving chan struct{} // if not nil: Save says that it has begun …
	permit chan struct{} // … and waits
	closed int
}

func (m *memory) Bound() (uint64, error) {
	if len(m.bounds) == 0 {
		return 0, m.err
	}
	return m.bounds[len(m.bounds)-1], m.err
}

func (m *memory) Save(bound uint64) error {
	if m.saving != nil {
		m.saving <- struct{}{}
		<-m.permit
	}
	if m.err == nil {
		m.bounds = append(m.bounds, bound)
	}
	return m.err
}

func (m *memory) Close() error { m.closed++; return m.err }

func openDurable(t *testing.T, m *memory, reserve uint64) *DurableClock {
	t.Helper()
	c, err := OpenDurable(m, DurableOptions{Reserve: reserve})
	require.NoError(t, err)
	return c
}

func ticks(t *testing.T, c *DurableClock, count int) (numbers []uint64) {
	t.Helper()
	for range count {
		n, err := c.Tick(t.Context())
		require.NoError(t, err)
		numbers = append(numbers, n)
	}
	return numbers
}

func TestDurable_Stories(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 3)
	require.Zero(t, c.Time())
	require.Equal(t, []uint64{1, 2, 3, 4}, ticks(t, c, 4))
	require.Equal(t, []uint64{3, 6}, m.bounds, "three numbers at a time")
	n, err := c.Witness(t.Context(), 100)
	require.NoError(t, err)
	require.Equal(t, uint64(101), n, "a message from ahead pulls the bound along")
	require.Equal(t, []uint64{3, 6, 103}, m.bounds)
	require.NoError(t, c.Observe(200))
	require.Equal(t, uint64(200), c.Time())
	require.Len(t, m.bounds, 3, "observing issues nothing")

	c = openDurable(t, m, 3) // the process ended without Close
	require.Equal(t, uint64(103), c.Time(), "a restart leaves out what was reserved")
	require.Equal(t, []uint64{104}, ticks(t, c, 1))
	n, err = c.Witness(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, uint64(105), n, "a message from behind is an event all the same")
}

// TestDurable_RefusedRemoteLeavesNoTrace: neither in the clock nor on the disk.
func TestDurable_RefusedRemoteLeavesNoTrace(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 10)
	ticks(t, c, 1)
	for _, remote := range []uint64{DefaultMaxLead + 2, MaxTime - 1, math.MaxUint64} {
		var far *TooFarError
		_, err := c.Witness(t.Context(), remote)
		require.ErrorAs(t, err, &far)
		require.ErrorAs(t, c.Observe(remote), &far)
		require.Equal(t, uint64(1), c.Time())
	}
	_, err := c.ForceWitness(t.Context(), MaxTime)
	require.ErrorIs(t, err, ErrExhausted)
	require.Equal(t, []uint64{10}, m.bounds)
}

// TestDurable_SaturatesAndNeverWraps: the bound too ends at the largest number.
func TestDurable_SaturatesAndNeverWraps(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 10)
	n, err := c.ForceWitness(t.Context(), MaxTime-3)
	require.NoError(t, err)
	require.Equal(t, MaxTime-2, n)
	require.Equal(t, []uint64{MaxTime - 1, MaxTime}, ticks(t, c, 2))
	_, err = c.Tick(t.Context())
	require.ErrorIs(t, err, ErrExhausted)
	require.Equal(t, []uint64{MaxTime}, m.bounds)
	c = openDurable(t, m, math.MaxUint64)
	_, err = c.Tick(t.Context())
	require.ErrorIs(t, err, ErrExhausted, "after a restart too")
	c = openDurable(t, &memory{bounds: []uint64{math.MaxUint64}}, 1)
	require.Equal(t, MaxTime, c.Time(), "a store that says too much")
}

// TestDurable_AnErrorOfTheStoreIsFinal: what is reserved is still issued, and
// nothing above it ever again, although the store would.
func TestDurable_AnErrorOfTheStoreIsFinal(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 3)
	ticks(t, c, 1)
	m.err = errors.New("no space left")
	require.Equal(t, []uint64{2, 3}, ticks(t, c, 2))
	for range 3 {
		_, err := c.Tick(t.Context())
		require.ErrorContains(t, err, "no space left")
		_, err = c.Witness(t.Context(), 50)
		require.ErrorContains(t, err, "no space left")
		require.Equal(t, uint64(3), c.Time())
		m.err = nil
	}
	require.Equal(t, []uint64{3}, m.bounds)
	m.err = errors.New("unreadable")
	_, err := OpenDurable(m, DurableOptions{})
	require.ErrorIs(t, err, m.err)
}

// TestDurable_WaitsForTheStore: while the store takes its time nothing above the
// bound is issued, and everything up to it.
func TestDurable_WaitsForTheStore(t *testing.T) {
	m := &memory{saving: make(chan struct{}), permit: make(chan struct{})}
	c := openDurable(t, m, 3)
	const waiting = 5
	issued := make(chan uint64, waiting)
	for range waiting {
		go func() {
			n, err := c.Tick(t.Context())
			if err != nil {
				t.Error(err)
			}
			issued <- n
		}()
	}
	<-m.saving
	require.Empty(t, issued, "1 is not reserved yet")
	m.permit <- struct{}{}
	require.ElementsMatch(t, []uint64{1, 2, 3}, []uint64{<-issued, <-issued, <-issued})
	<-m.saving
	require.Empty(t, issued, "4 is not reserved yet")
	m.permit <- struct{}{}
	require.ElementsMatch(t, []uint64{4, 5}, []uint64{<-issued, <-issued})
	require.Equal(t, []uint64{3, 6}, m.bounds)
}

// TestDurable_AWaitEndsWithItsContext: of the one that asked the store, and of those behind it. The
// store still finishes, and what it saved is used.
func TestDurable_AWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{saving: make(chan struct{}), permit: make(chan struct{})}
		c := openDurable(t, m, 3)
		why := errors.New("client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		const waiting = 5
		ended := make(chan error, waiting)
		for range waiting {
			go func() {
				_, err := c.Tick(ctx)
				ended <- err
			}()
		}
		<-m.saving
		cancel(why)
		for range waiting {
			require.ErrorIs(t, <-ended, why)
		}
		closed := make(chan error)
		m.permit <- struct{}{}
		require.Equal(t, []uint64{1, 2, 3}, ticks(t, c, 3))
		go func() { _, _ = c.Tick(t.Context()) }()
		<-m.saving
		go func() { closed <- c.Close() }()
		require.Empty(t, closed, "Close waits for the store")
		m.permit <- struct{}{}
		require.NoError(t, <-closed)
	})
}

func TestDurable_NothingAfterClose(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 100)
	ticks(t, c, 5)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close(), "twice is once")
	require.Equal(t, 1, m.closed)
	_, err := c.Tick(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	_, err = c.Witness(t.Context(), 50)
	require.ErrorIs(t, err, ErrClosed)
	require.ErrorIs(t, c.Observe(50), ErrClosed)
	require.Equal(t, uint64(5), c.Time())
}

// TestDurable_ManyGoroutines: no number twice, upwards for each goroutine, also
// when the clock is closed under them; and its successor is above them all.
func TestDurable_ManyGoroutines(t *testing.T) {
	m := &memory{}
	c := openDurable(t, m, 7)
	const goroutines, each = 8, 3_000
	seen := make([][]uint64, goroutines)
	var work sync.WaitGroup
	for g := range goroutines {
		work.Go(func() {
			for i := range each {
				n, err := c.Tick(t.Context())
				if i%3 == 0 && err == nil {
					n, err = c.Witness(t.Context(), n)
				}
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				seen[g] = append(seen[g], n)
				if g == 0 && i == each/2 {
					_ = c.Close()
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
	require.Equal(t, all[len(all)-1], c.Time(), "none after Close")
	require.Greater(t, ticks(t, openDurable(t, m, 7), 1)[0], all[len(all)-1])
}

func TestDurable_NoAllocations(t *testing.T) {
	c := openDurable(t, &memory{}, math.MaxInt32)
	ticks(t, c, 1)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.Tick(t.Context()); _, _ = c.Witness(t.Context(), c.Time()+2); _ = c.Observe(1) }))
}
