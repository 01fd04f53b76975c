package truetime

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkStrict is Clock.Now on the strict clock, beside time.Now and beside
// the two system calls it cannot do without, all in one run.
func BenchmarkStrict(b *testing.B) {
	local, err := NewLocalClock()
	if err != nil {
		b.Fatal(err)
	}
	benchNow(b, local, local)
}

// BenchmarkFast is the same on the fast clock.
func BenchmarkFast(b *testing.B) {
	strict, err := NewLocalClock()
	if err != nil {
		b.Fatal(err)
	}
	benchNow(b, strict, NewFastClock(strict, 0))
}

// benchNow reports the cost of Clock.Now on a local clock: the medians of
// batches that take turns, so that a noisy neighbour meets all and changes little.
func benchNow(b *testing.B, strict, local LocalClock) {
	b.Helper()
	c := served(b, strict, local)
	const batch = 1000
	var timeNow, calls, now []time.Duration
	for done := 0; done < b.N; done += batch {
		t0 := time.Now()
		for range batch {
			_ = time.Now()
		}
		t1 := time.Now()
		for range batch {
			_, _ = clockGettime(unix.CLOCK_MONOTONIC_RAW)
			_, _ = clockGettime(unix.CLOCK_BOOTTIME)
		}
		t2 := time.Now()
		for range batch {
			_, _ = c.Now()
		}
		timeNow, calls, now = append(timeNow, t1.Sub(t0)), append(calls, t2.Sub(t1)), append(now, time.Since(t2))
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return float64(d[len(d)/2]) }
	b.ReportMetric(median(now)/batch, "ns/Now")
	b.ReportMetric(median(now)/median(timeNow), "×time.Now")
	b.ReportMetric(median(now)/median(calls), "×2syscalls")
	b.ReportMetric(median(calls)/median(timeNow), "2syscalls×time.Now")
	b.ReportMetric(0, "ns/op")
}

// served is a Clock on local with a bound of ±1 ms.
func served(t testing.TB, strict, local LocalClock) *Clock {
	t.Helper()
	r, err := strict.Read()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	c := New(local, Options{})
	err = c.Update(Bound{
		At:       r,
		Earliest: Line{At: r.Nanos, Nanos: now - 1e6, SlopePPB: -DefaultDriftPPB},
		Latest:   Line{At: r.Nanos, Nanos: now + 1e6, SlopePPB: DefaultDriftPPB},
		Expires:  r.Nanos + int64(time.Hour),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
