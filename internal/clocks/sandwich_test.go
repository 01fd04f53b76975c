package clocks

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var all = []Clock{Realtime, Monotonic, Raw, Boottime, TAI}

// TestDifference_HoldsTheTruth: on machines of any jitter and rate, what the clocks differ by
// while they are read lies in the range, and so does the rate between two sandwiches.
func TestDifference_HoldsTheTruth(t *testing.T) {
	for seed := range uint64(200) {
		m := newMachine(seed, float64(m500(seed))*200e-6) // up to 10 %
		m.asleep = int64(seed) * 1e9
		m.grain = []int64{0, 279, 4e6}[seed%3] // the processor's counter, acpi_pm, jiffies
		if seed%2 == 1 {
			m.jitter = busy
		}
		offset := map[Clock]int64{Monotonic: 0, Boottime: m.asleep, Realtime: m.asleep + m.wall, TAI: m.asleep + m.wall + m.tai}
		first, err := take(m.clock)
		require.NoError(t, err)
		m.pass(int64(time.Second))
		m.reads = nil
		last, err := take(m.clock)
		require.NoError(t, err)
		for c, readings := range map[Clock][]int{Boottime: {1, 6}, Realtime: {2, 5}, Monotonic: {3}, TAI: {4}} {
			for _, i := range readings {
				at := m.reads[i]
				ahead := int64(m.mono+float64(at-m.since)*(1+m.rate)) + offset[c] - at
				r := last.Difference(c, Raw)
				require.LessOrEqual(t, r.Least, ahead, "%v − RAW at its reading, seed %d", c, seed)
				require.GreaterOrEqual(t, r.Most, ahead, "%v − RAW at its reading, seed %d", c, seed)
			}
		}
		for _, c := range all {
			for _, d := range all {
				if c != Raw && d != Raw {
					r := last.Difference(c, d)
					require.LessOrEqual(t, r.Least, offset[c]-offset[d], "%v − %v, seed %d", c, d, seed)
					require.GreaterOrEqual(t, r.Most, offset[c]-offset[d], "%v − %v, seed %d", c, d, seed)
				}
				truth := (1+m.ratio(c))/(1+m.ratio(d)) - 1
				rate := RateBetween(first, last, c, d)
				require.LessOrEqual(t, math.Abs(rate.Ratio-truth), rate.Error+1e-15, "%v against %v, seed %d", c, d, seed)
			}
		}
	}
}

func (m *machine) ratio(c Clock) float64 {
	if c == Raw {
		return 0
	}
	return m.rate
}

// TestRateBetween_ClocksThatTickApart: where the wall clock and the monotonic one move in ticks of
// their own, the error that is told holds the truth. Without Tick it would be far too small.
func TestRateBetween_ClocksThatTickApart(t *testing.T) {
	const coarse = int64(15_625 * time.Microsecond)
	worst := 0.0
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 3))
		rate, phase, now := (random.Float64()-0.5)*1e-3, random.Int64N(coarse), random.Int64N(1e12)
		look := func() Sandwich {
			s, err := take(func(c Clock) (int64, error) {
				now += 50 + random.Int64N(100)
				if c == Realtime || c == TAI {
					wall := int64(float64(now)*(1+rate)) + phase
					return wall - wall%coarse, nil
				}
				return now - now%coarse, nil
			})
			require.NoError(t, err)
			s.Alone, s.Tick = true, coarse
			return s
		}
		first := look()
		now += int64(time.Second) + random.Int64N(1e9)
		last := look()
		got := RateBetween(first, last, Realtime, Raw)
		worst = max(worst, math.Abs(got.Ratio-rate))
		require.LessOrEqual(t, math.Abs(got.Ratio-rate), got.Error, "seed %d", seed)
		require.Less(t, got.Error, 0.1)
	}
	require.Greater(t, worst, 1e-3, "ticks matter here")
}

func TestRateBetween_WithoutTimeIsUnknown(t *testing.T) {
	s, err := take(newMachine(1, 0).clock)
	require.NoError(t, err)
	require.True(t, math.IsInf(RateBetween(s, s, Monotonic, Raw).Error, 1))
}

// TestNarrowest_TakesTheBest of a few, and passes errors on with the clock's name.
func TestNarrowest_TakesTheBest(t *testing.T) {
	m := newMachine(1, 0)
	m.jitter = busy
	for range 200 {
		s, err := narrowest(m.clock)
		require.NoError(t, err)
		require.False(t, s.Torn())
	}
	_, err := narrowest(func(c Clock) (int64, error) {
		if c == TAI {
			return 0, errors.New("refused")
		}
		return 0, nil
	})
	require.EqualError(t, err, "clocks: TAI cannot be read: refused")
}

// TestRead_OfThisMachine: the narrowest of a few is not torn, and every clock that the
// system has runs on.
func TestRead_OfThisMachine(t *testing.T) {
	first, err := Read()
	require.NoError(t, err)
	require.False(t, first.Torn())
	for {
		last, err := Read()
		require.NoError(t, err)
		if last.Width() <= 0 || last.Raw[0]-first.Raw[1] < int64(20*time.Millisecond) {
			continue
		}
		for _, c := range all {
			require.Greater(t, last.Reading(c), first.Reading(c), c)
		}
		return
	}
}
