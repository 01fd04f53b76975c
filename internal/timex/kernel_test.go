package timex

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestKernel_Stories are readings of real kernels.
func TestKernel_Stories(t *testing.T) {
	for name, story := range map[string]struct {
		raw  raw
		want Kernel
		sync bool
		rate float64
	}{
		"a container, whose clock nobody keeps": {
			raw{state: 5, status: 64, maxError: 16_000_000, estError: 16_000_000, tick: 10_000, constant: 2, precision: 1, seconds: 1_700_000_000, fraction: 5},
			Kernel{State: Error, Status: Unsynchronized, MaxError: MaxError, EstimatedError: MaxError, TimeConstant: 2, Precision: time.Microsecond, Wall: time.Unix(1_700_000_000, 5000).UTC()},
			false, 0,
		},
		"chronyd, 12.5 ppm slow": {
			raw{state: 0, status: 0x2001, maxError: 1500, estError: 30, frequency: -12.5 * 65536, tick: 10_000, precision: 1, tai: 37, seconds: 1, fraction: 5},
			Kernel{State: OK, Status: PLL | Nanoseconds, MaxError: 1500 * time.Microsecond, EstimatedError: 30 * time.Microsecond, Frequency: -12.5e-6, Precision: time.Microsecond, TAI: 37, Wall: time.Unix(1, 5).UTC()},
			true, -12.5e-6,
		},
		"chronyd slews by the tick, 8.3 %": {
			raw{state: 0, status: 0x2000, tick: 9167}, Kernel{Status: Nanoseconds, TickRatio: -0.0833, Wall: time.Unix(0, 0).UTC()}, true, -0.0833,
		},
		"ntpd's loop has 3 ms to go": {
			raw{state: 1, status: 0x2011, offset: -3_000_000, tick: 10_000},
			Kernel{State: LeapInsert, Status: PLL | Insert | Nanoseconds, Offset: -3 * time.Millisecond, Wall: time.Unix(0, 0).UTC()}, true, 0,
		},
		"the same in microseconds": {
			raw{state: 0, status: 1, offset: -3000, tick: 10_000},
			Kernel{Status: PLL, Offset: -3 * time.Millisecond, Wall: time.Unix(0, 0).UTC()}, true, 0,
		},
		"numbers beyond what a duration holds": {
			raw{state: 5, offset: math.MinInt64, maxError: math.MaxInt64, tick: 10_000},
			Kernel{State: Error, Offset: math.MinInt64, MaxError: math.MaxInt64, Wall: time.Unix(0, 0).UTC()}, false, 0,
		},
	} {
		got := story.raw.kernel()
		require.Equal(t, story.want, got, name)
		require.Equal(t, story.sync, got.Synchronized(), name)
		require.InDelta(t, story.rate, got.Rate(), 1e-12, name)
	}
}

// TestKernel_UnsynchronizedByEitherSign: the state or the bit is enough.
func TestKernel_UnsynchronizedByEitherSign(t *testing.T) {
	require.False(t, Kernel{State: Error}.Synchronized())
	require.False(t, Kernel{Status: Unsynchronized | PLL}.Synchronized())
	require.True(t, Kernel{State: LeapOver, Status: PLL | Insert}.Synchronized())
}

func TestWords_NameEachBitAndState(t *testing.T) {
	require.Equal(t, "pll, unsynchronized, nanoseconds", (PLL | Unsynchronized | Nanoseconds).String())
	require.Equal(t, "clock b, 0x30000", (ClockB | 3<<16).String())
	require.Equal(t, []string{}, Status(0).Words())
	require.EqualValues(t, 0x0040, Unsynchronized)
	require.EqualValues(t, 0x1000, ClockError)
	require.EqualValues(t, 0x8000, ClockB)
	require.Equal(t, "leap second in progress", LeapNow.String())
	require.Equal(t, "unsynchronized", Error.String())
	require.Equal(t, "state -1", State(-1).String())
	require.Equal(t, "state 6", State(6).String())
}
