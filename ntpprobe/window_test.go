package ntpprobe

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWindow_EqualsAllConstraints compares the two queues with the obvious
// answer: every constraint that is still in the window, aged and compared.
func TestWindow_EqualsAllConstraints(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed, 1, int(seed%2), 200_000)
		var win window
		var kept []Sample
		for range 80 {
			w.pass(time.Duration(w.random.Int64N(int64(90 * time.Second))))
			s := w.exchange(0)
			if s.Check(Limits{}) != nil {
				continue
			}
			kept = append(kept, s)
			win.add(s, w.drift, math.MaxInt)
			oldest := w.reading().Nanos - int64(20*time.Minute)
			win.expire(oldest)

			lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
			for _, s := range kept {
				if up := s.latest(w.drift); up.At >= oldest {
					hi = min(hi, upper(up, w.reading().Nanos))
				}
				if down := s.earliest(w.drift); down.At >= oldest {
					lo = max(lo, lower(down, w.reading().Nanos))
				}
			}
			got := win.at(w.reading().Nanos)
			// Two lines less than a nanosecond apart may compare equal at one
			// reading and differ by the rounding at another.
			require.InDelta(t, 0, got.lo-lo, 1, "seed %d", seed)
			require.InDelta(t, 0, got.hi-hi, 1, "seed %d", seed)
		}
	}
}

// TestWindow_MemoryIsBounded: even if every sample is worse than the one
// before, so that each might matter one day.
func TestWindow_MemoryIsBounded(t *testing.T) {
	w := newWorld(1, 1, 0, 1)
	var win window
	for i := range 1000 {
		s := w.exchange(0)
		s.Header.RootDispersion = time.Duration(i) * time.Millisecond
		win.add(s, 1, 16)
		require.LessOrEqual(t, len(win.latest), 16)
		require.LessOrEqual(t, len(win.earliest), 16)
	}
	require.Equal(t, 16, len(win.latest), "the scenario really fills the queue")
	require.Equal(t, 1000, win.samples)
}

// TestWindow_ALostSampleOnlyWidens: dropping any sample is sound.
func TestWindow_ALostSampleOnlyWidens(t *testing.T) {
	w := newWorld(9, 1, 0, 200_000)
	var all, some window
	for i := range 50 {
		w.pass(10 * time.Second)
		s := w.exchange(0)
		all.add(s, w.drift, 100)
		if i%3 != 1 {
			some.add(s, w.drift, 100)
		}
		a, b := all.at(w.reading().Nanos), some.at(w.reading().Nanos)
		require.LessOrEqual(t, b.lo, a.lo+1)
		require.GreaterOrEqual(t, b.hi, a.hi-1)
	}
}
