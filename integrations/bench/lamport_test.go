package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/lamport"
)

// TestLamport_BothClocksAgree on any schedule, as long as the numbers are far from the end of
// the range. There serf's clock starts again at zero, and ours says that it is exhausted.
func TestLamport_BothClocksAgree(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	var ours lamport.Clock
	var theirs serf.LamportClock
	for range 100_000 {
		switch remote := r.Uint64N(200_000); r.IntN(3) {
		case 0:
			n, err := ours.Tick()
			require.NoError(t, err, "seed %d", seed)
			require.Equal(t, uint64(theirs.Increment()), n, "seed %d", seed)
		case 1:
			// Serf's Witness counts no event: what was witnessed is followed by nothing if it is old.
			require.NoError(t, ours.Observe(remote), "seed %d", seed)
			if remote > uint64(theirs.Time()) {
				theirs.Witness(serf.LamportTime(remote - 1)) // it moves to one above
			}
		case 2:
			require.Equal(t, uint64(theirs.Time()), ours.Time(), "seed %d", seed)
		}
	}

	theirs.Witness(math.MaxUint64)
	require.Zero(t, theirs.Time(), "if this fails, they have mended it, and the comparison in docs must follow")
	before := ours.Time()
	_, err := ours.ForceWitness(math.MaxUint64)
	require.ErrorIs(t, err, lamport.ErrExhausted)
	require.Equal(t, before, ours.Time())
}

// against reports the median cost of a call to ours, and its ratios to that of theirs and to an addition. (ns/op
// is of all three together.)
func against(b *testing.B, ours, theirs func(n int)) {
	b.Helper()
	var sum atomic.Uint64
	b.ReportAllocs()
	m := rounds(b.N, ours, theirs, func(n int) {
		for range n {
			sum.Add(1)
		}
	})
	b.ReportMetric(m[0], "ns/call")
	b.ReportMetric(m[0]/m[1], "×serf")
	b.ReportMetric(m[0]/m[2], "×atomic-add")
}

// rounds runs the subjects in turns of some microseconds and returns the median cost of a call to
// each: whatever else the machine does falls on a few turns, or on all subjects alike.
func rounds(calls int, subjects ...func(n int)) []float64 {
	const turn = 2_000
	costs := make([][]float64, len(subjects))
	for done := 0; done < calls; done += turn {
		n := min(turn, calls-done)
		for i, subject := range subjects {
			began := time.Now()
			subject(n)
			costs[i] = append(costs[i], float64(time.Since(began))/float64(n))
		}
	}
	medians := make([]float64, len(subjects))
	for i := range costs {
		slices.Sort(costs[i])
		medians[i] = costs[i][len(costs[i])/2]
	}
	return medians
}

func BenchmarkLamportTick(b *testing.B) {
	var ours lamport.Clock
	var theirs serf.LamportClock
	against(b, func(n int) {
		for range n {
			_, _ = ours.Tick()
		}
	}, func(n int) {
		for range n {
			theirs.Increment()
		}
	})
}

// BenchmarkLamportStale is a message from behind, which changes nothing.
func BenchmarkLamportStale(b *testing.B) {
	var ours lamport.Clock
	var theirs serf.LamportClock
	_ = ours.Observe(10)
	theirs.Witness(10)
	against(b, func(n int) {
		for range n {
			_ = ours.Observe(3)
		}
	}, func(n int) {
		for range n {
			theirs.Witness(3)
		}
	})
}

// BenchmarkLamportExchange is a message: an event at one clock, its receipt at another. Serf's Witness moves
// the clock above it, and counts as that event.
func BenchmarkLamportExchange(b *testing.B) {
	var from, to lamport.Clock
	var theirFrom, theirTo serf.LamportClock
	against(b, func(n int) {
		for range n {
			sent, _ := from.Tick()
			_, _ = to.Witness(sent)
		}
	}, func(n int) {
		for range n {
			theirTo.Witness(theirFrom.Increment())
		}
	})
}
