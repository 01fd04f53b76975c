package truetime_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// ratio reports the cost of call against time.Now in the same run.
func ratio(b *testing.B, call func()) {
	b.Helper()
	began := time.Now()
	for range b.N {
		_ = time.Now()
	}
	floor := time.Since(began)
	b.ResetTimer()
	for range b.N {
		call()
	}
	b.ReportMetric(float64(b.Elapsed())/float64(floor), "×time.Now")
	b.ReportAllocs()
}

// BenchmarkNow is the strict clock: two system calls and the suspend check.
func BenchmarkNow(b *testing.B) {
	c := strictClock(b)
	ratio(b, func() { _, _ = c.Now() })
}

// BenchmarkNowArithmetic is what is left when the local clock costs nothing.
func BenchmarkNowArithmetic(b *testing.B) {
	local := truetimetest.NewManual(0)
	c := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(b, err)
	require.NoError(b, c.Update(truetimetest.Around(r, noon, time.Millisecond, driftPPB), nil))
	ratio(b, func() { _, _ = c.Now() })
}

func BenchmarkNowPortable(b *testing.B) {
	local := truetime.NewPortableClock()
	ratio(b, func() { _, _ = local.Read() })
}

func BenchmarkAgree(b *testing.B) {
	for _, n := range []int{4, 16, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			in := make([]truetime.Interval, n)
			for i := range in {
				in[i] = interval(b, noon-int64(i*7919%n)-100, noon+int64(i*104729%n)+100)
			}
			for b.Loop() {
				if _, err := truetime.Agree(in, (n-1)/3); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
