package hlc

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimestamp_Order(t *testing.T) {
	ascending := []Timestamp{{math.MinInt64, 0}, {-1, math.MaxUint32}, {}, {0, 1}, {1, 0}, {1, math.MaxUint32}, {2, 0}, {math.MaxInt64, math.MaxUint32}}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i < j, a.Before(b))
			require.Equal(t, i > j, a.After(b))
			require.Equal(t, i == j, a == b)
		}
	}
	require.True(t, Timestamp{}.IsZero())
	require.False(t, Timestamp{0, 1}.IsZero())
}

func TestTimestamp_NextIsTheLowestAbove(t *testing.T) {
	for _, c := range []struct{ from, want Timestamp }{
		{Timestamp{}, Timestamp{0, 1}},
		{Timestamp{5, 9}, Timestamp{5, 10}},
		{Timestamp{5, math.MaxUint32}, Timestamp{6, 0}},
		{Timestamp{-1, math.MaxUint32}, Timestamp{0, 0}},
	} {
		next, err := c.from.Next()
		require.NoError(t, err)
		require.Equal(t, c.want, next)
	}
	_, err := Timestamp{math.MaxInt64, math.MaxUint32}.Next()
	require.ErrorIs(t, err, ErrExhausted)
}

func TestTimestamp_String(t *testing.T) {
	for want, ts := range map[string]Timestamp{
		"1790000000.123456789,7":          {1_790_000_000_123_456_789, 7},
		"0.000000000,0":                   {},
		"-0.000000001,3":                  {-1, 3},
		"-1.500000000,0":                  {-1_500_000_000, 0},
		"-9223372036.854775808,0":         {math.MinInt64, 0},
		"9223372036.854775807,4294967295": {math.MaxInt64, math.MaxUint32},
	} {
		require.Equal(t, want, ts.String())
	}
	require.Equal(t, time.Date(2026, 9, 21, 14, 13, 20, 0, time.UTC), Timestamp{1_790_000_000_000_000_000, 0}.Time())
}

// Two nodes whose clocks differ by a millisecond: the write that builds on the
// other is stamped later, although its node's clock is behind.
func ExampleClock_Update() {
	at := func(ms int64) Physical { return func() int64 { return ms * 1e6 } }
	node1, _ := New(Options{Physical: at(42_004)})
	node3, _ := New(Options{Physical: at(42_003)})

	write := node1.Now()
	increment, err := node3.Update(write) // the write arrives at node 3
	fmt.Println(write, increment, increment.After(write), err)
	// Output: 42.004000000,0 42.004000000,1 true <nil>
}

func ExampleClock_Now() {
	clock, _ := New(Options{Physical: func() int64 { return 5e9 }}) // stands still
	fmt.Println(clock.Now(), clock.Now())
	// Output: 5.000000000,0 5.000000000,1
}
