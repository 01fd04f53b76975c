package lamport

import (
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

// ratio has call and the addition take turns, so that whatever else the machine does falls on both.
func ratio(b *testing.B, call func()) {
	b.Helper()
	const turns = 20
	var n atomic.Uint64
	var floor, ours time.Duration
	each := max(1, b.N/turns)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; done += each {
		b.StopTimer()
		floor += cost(each, func() { n.Add(1) })
		b.StartTimer()
		ours += cost(min(each, b.N-done), call)
	}
	b.StopTimer()
	b.ReportMetric(float64(ours)/float64(floor), "×atomic-add")
}

func cost(n int, call func()) time.Duration {
	began := time.Now()
	for range n {
		call()
	}
	return time.Since(began)
}

func BenchmarkTick(b *testing.B) {
	var c Clock
	ratio(b, func() { _, _ = c.Tick() })
}

func BenchmarkWitnessAhead(b *testing.B) {
	var c Clock
	ratio(b, func() { _, _ = c.Witness(c.Time() + 1) })
}

func BenchmarkObserveStale(b *testing.B) {
	var c Clock
	_, _ = c.Witness(10)
	ratio(b, func() { _ = c.Observe(3) })
}

// BenchmarkDurableTick reserves as it would in life, though never so many numbers in a
// second: with the default Reserve this would be a measure of the disk.
func BenchmarkDurableTick(b *testing.B) {
	d := realDurable(b, 1<<30)
	ctx := b.Context()
	ratio(b, func() { _, _ = d.Tick(ctx) })
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
