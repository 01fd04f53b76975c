package bench

import (
	"math"
	"math/rand/v2"
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

// against reports the cost of ours as a ratio to that of theirs and to an atomic addition. They take turns.
func against(b *testing.B, ours, theirs func()) {
	b.Helper()
	const turns = 20
	var n atomic.Uint64
	var floor, other, own time.Duration
	each := max(1, b.N/turns)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += each {
		b.StopTimer()
		floor += cost(each, func() { n.Add(1) })
		other += cost(each, theirs)
		b.StartTimer()
		own += cost(min(each, b.N-done), ours)
	}
	b.StopTimer()
	b.ReportMetric(float64(own)/float64(floor), "×atomic-add")
	b.ReportMetric(float64(own)/float64(other), "×serf")
}

func cost(n int, call func()) time.Duration {
	began := time.Now()
	for range n {
		call()
	}
	return time.Since(began)
}

func BenchmarkLamportTick(b *testing.B) {
	var ours lamport.Clock
	var theirs serf.LamportClock
	against(b, func() { _, _ = ours.Tick() }, func() { theirs.Increment() })
}

func BenchmarkLamportStale(b *testing.B) {
	var ours lamport.Clock
	var theirs serf.LamportClock
	_ = ours.Observe(10)
	theirs.Witness(10)
	against(b, func() { _ = ours.Observe(3) }, func() { theirs.Witness(3) })
}

// BenchmarkLamportExchange is a message: an event at one clock, its receipt at another, which counts here
// and takes an Increment of serf's.
func BenchmarkLamportExchange(b *testing.B) {
	var from, to lamport.Clock
	var theirFrom, theirTo serf.LamportClock
	against(b, func() {
		n, _ := from.Tick()
		_, _ = to.Witness(n)
	}, func() {
		theirTo.Witness(theirFrom.Increment())
		theirTo.Increment()
	})
}
