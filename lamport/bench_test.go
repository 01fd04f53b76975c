package lamport

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The figures are ratios against an atomic addition in the same run:
//
//	go test -run '^$' -bench . -cpu 1,2 ./lamport
//
// Module integrations/bench compares with another library.

// ratio reports the median cost of a call, and its ratio to that of an addition. (ns/op
// is of both together.)
func ratio(b *testing.B, calls func(n int)) {
	b.Helper()
	var sum atomic.Uint64
	b.ReportAllocs()
	m := rounds(b.N, calls, func(n int) {
		for range n {
			sum.Add(1)
		}
	})
	b.ReportMetric(m[0], "ns/call")
	b.ReportMetric(m[0]/m[1], "×atomic-add")
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

func BenchmarkTick(b *testing.B) {
	var c Clock
	ratio(b, func(n int) {
		for range n {
			_, _ = c.Tick()
		}
	})
}

func BenchmarkWitnessAhead(b *testing.B) {
	var c Clock
	ratio(b, func(n int) {
		for range n {
			_, _ = c.Witness(c.Time() + 1)
		}
	})
}

func BenchmarkObserveStale(b *testing.B) {
	var c Clock
	_, _ = c.Witness(10)
	ratio(b, func(n int) {
		for range n {
			_ = c.Observe(3)
		}
	})
}

// BenchmarkDurableTick reserves as it would in life, though never so many numbers in a
// second: with the default Reserve this would be a measure of the disk.
func BenchmarkDurableTick(b *testing.B) {
	d := realDurable(b, 1<<30)
	ctx := b.Context()
	ratio(b, func(n int) {
		for range n {
			_, _ = d.Tick(ctx)
		}
	})
}

// BenchmarkDurableReservation is one bound made durable in both slots.
func BenchmarkDurableReservation(b *testing.B) {
	d := realDurable(b, 1)
	ctx := b.Context()
	for b.Loop() {
		_, _ = d.Witness(ctx, d.Time()+1)
	}
}

func realDurable(b *testing.B, reserve uint64) *Durable {
	b.Helper()
	d, err := OpenDurable(DurableOptions{Dir: b.TempDir(), Reserve: reserve})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, d.Close()) })
	return d
}

// BenchmarkVectorWitness is a message between two of 16 processes.
func BenchmarkVectorWitness(b *testing.B) {
	var v Vector
	for i := range 16 {
		v, _ = v.Tick(string(rune('a' + i)))
	}
	received := v
	b.ReportAllocs()
	for b.Loop() {
		v, _ = v.Witness("c", received)
	}
}
