package promclock

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/timex"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// TestOutward_TheTwoNumbersHoldTheInterval: what a reader adds up from /metrics is never narrower than the interval, exactly,
// for offsets from nanoseconds to centuries.
func TestOutward_TheTwoNumbersHoldTheInterval(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	seconds := func(nanos int64) *big.Rat { return big.NewRat(nanos, 1e9) }
	exactly := func(x float64) *big.Rat { return new(big.Rat).SetFloat64(x) }
	for range 20_000 {
		offset, half := random.Int64N(1<<(1+random.Int64N(62))), random.Int64N(1<<(1+random.Int64N(50)))
		if random.Int64N(2) == 0 {
			offset = -offset
		}
		middle, width := time.Duration(offset).Seconds(), outward(time.Duration(half), time.Duration(offset))
		high, low := new(big.Rat).Add(exactly(middle), exactly(width)), new(big.Rat).Sub(exactly(middle), exactly(width))
		require.GreaterOrEqual(t, high.Cmp(new(big.Rat).Add(seconds(offset), seconds(half))), 0, "offset %d, half %d, seed %d", offset, half, seed)
		require.LessOrEqual(t, low.Cmp(new(big.Rat).Sub(seconds(offset), seconds(half))), 0, "offset %d, half %d, seed %d", offset, half, seed)
		require.Less(t, width, time.Duration(half).Seconds()+1e-15*(2+math.Abs(middle)+float64(half)/1e9))
	}
}

// TestJitter_OfRoundTrips: the newest eight, and nothing of one alone.
func TestJitter_OfRoundTrips(t *testing.T) {
	var j jitters
	trip := func(d time.Duration) {
		j.add("a", ntpprobe.Sample{T1: truetime.Reading{Nanos: 5, Epoch: 1}, T4: truetime.Reading{Nanos: 5 + int64(d), Epoch: 1}, T2: 100, T3: 100})
	}
	_, known := j.of("a")
	require.False(t, known)
	trip(time.Hour) // forgotten after eight more
	_, known = j.of("a")
	require.False(t, known, "one alone has none")
	for range 4 {
		trip(10 * time.Millisecond)
		trip(13 * time.Millisecond)
	}
	jitter, known := j.of("a")
	require.True(t, known)
	require.InDelta(t, 0.003, jitter, 1e-9)
	_, known = j.of("b")
	require.False(t, known)
}

// TestKernel_OnlyIfSomebodyKeepsTheClock: the 16 s of a container are no bound.
func TestKernel_OnlyIfSomebodyKeepsTheClock(t *testing.T) {
	said := func(k timex.Kernel, err error) map[string]float64 {
		return gathered(t, kernelCollector{func() (timex.Kernel, error) { return k, err }})
	}
	const name = "clockctl_kernel_max_error_seconds{}"
	require.InDelta(t, 0.0015, said(timex.Kernel{MaxError: 1500 * time.Microsecond}, nil)[name], 1e-12)
	require.NotContains(t, said(timex.Kernel{State: timex.Error, MaxError: timex.MaxError}, nil), name)
	require.NotContains(t, said(timex.Kernel{Status: timex.Unsynchronized, MaxError: time.Second}, nil), name)
	require.NotContains(t, said(timex.Kernel{}, errors.New("refused")), name)
	require.NotNil(t, Kernel())
}
