package hlc

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNowN_Stories(t *testing.T) {
	at := func(s *script, o Options) *Clock {
		o.Physical = s.read
		c, err := New(o)
		require.NoError(t, err)
		return c
	}
	s := &script{now: 10}
	c := at(s, Options{MaxLogical: 3})
	batch := func(n int) []Timestamp {
		b, err := c.NowN(n)
		require.NoError(t, err)
		all := slices.Collect(b.All())
		require.Equal(t, n, len(all))
		require.Equal(t, all[0], b.First)
		require.Equal(t, all[n-1], b.Last())
		require.Equal(t, b.Last(), c.Peek())
		return all
	}
	require.Equal(t, []Timestamp{{10, 0}, {10, 1}}, batch(2), "physical time first")
	require.Equal(t, []Timestamp{{10, 2}, {10, 3}}, batch(2), "then the logical part, to the last")
	require.Equal(t, []Timestamp{{11, 0}, {11, 1}, {11, 2}}, batch(3))
	require.Equal(t, []Timestamp{{12, 0}, {12, 1}}, batch(2), "one that does not fit behind begins at the next nanosecond")
	require.Equal(t, []Timestamp{{13, 0}, {13, 1}, {13, 2}, {13, 3}}, batch(4), "the largest")
	require.Equal(t, []Timestamp{{14, 0}}, batch(1))
	s.now = 20
	require.Equal(t, []Timestamp{{20, 0}}, batch(1))
	require.Equal(t, Timestamp{20, 1}, c.Now())

	for _, n := range []int{5, 0, -1, math.MinInt, math.MaxInt} {
		_, err := c.NowN(n)
		var wrong *BatchError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, BatchError{Want: n, Max: 4}, *wrong)
	}
	require.Equal(t, Timestamp{20, 1}, c.Peek(), "refused without a trace")

	c = at(s, Options{MaxLogical: math.MaxUint32})
	s.now = 30
	b, err := c.NowN(math.MaxUint32)
	require.NoError(t, err)
	require.Equal(t, Timestamp{30, math.MaxUint32 - 1}, b.Last())

	c = at(s, Options{Layout: Kudu()})
	s.now = 5_999
	require.Equal(t, []Timestamp{{5_000, 0}, {5_000, 1}}, batch(2))
	_, err = c.NowN(4095)
	require.NoError(t, err)
	require.Equal(t, Timestamp{6_000, 4094}, c.Peek())
	_, err = c.NowN(4097)
	require.ErrorAs(t, err, new(*BatchError))
}

func TestBatch_OutsideThereIsNothing(t *testing.T) {
	b := Batch{First: Timestamp{10, 5}, Len: 2}
	require.Equal(t, Timestamp{10, 6}, b.At(1))
	require.Zero(t, b.At(2))
	require.Zero(t, b.At(-1))
	require.Zero(t, Batch{}.Last())
	for range (Batch{}).All() {
		t.Fatal("it is empty")
	}
	for ts := range b.All() {
		require.Equal(t, b.First, ts)
		break
	}
}
