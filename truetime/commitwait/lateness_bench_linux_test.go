package commitwait

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// BenchmarkLateness is how much longer a commit takes than it must, and a mere wait, with ε = 2 ms on the strict clock (so 4 ms), beside how late
// time.Sleep of as long returns in the same run; alone, and with many at once that begin within 4 ms. CPU is that of the
// whole process, goroutines and all.
func BenchmarkLateness(b *testing.B) {
	c := strict(b)
	waits := map[string]func(context.Context) error{
		"commit": func(ctx context.Context) error {
			_, err := c.Commit(ctx, func(context.Context, hlc.Timestamp) error { return nil })
			return err
		},
		"wait": func(ctx context.Context) error {
			now, err := c.clock.Now()
			if err != nil {
				return err
			}
			return c.clock.WaitUntilAfter(ctx, now.Latest())
		},
	}
	for name, wait := range waits {
		for _, waiters := range []int{1, 16, 256} {
			b.Run(fmt.Sprint(name, "/", waiters), func(b *testing.B) { lateness(b, waiters, wait) })
		}
	}
}

func lateness(b *testing.B, waiters int, wait func(context.Context) error) {
	wake := func() time.Duration {
		began := time.Now()
		if err := wait(context.Background()); err != nil {
			b.Error(err)
		}
		return time.Since(began) - 2*ε
	}
	sleep := func() time.Duration {
		began := time.Now()
		time.Sleep(2 * ε)
		return time.Since(began) - 2*ε
	}
	var ours, theirs costs
	for range b.N {
		ours.add(waiters, wake)
		theirs.add(waiters, sleep)
	}
	b.ReportMetric(ours.late(50), "µs-late-p50")
	b.ReportMetric(ours.late(99), "µs-late-p99")
	b.ReportMetric(theirs.late(50), "µs-late-p50-Sleep")
	b.ReportMetric(theirs.late(99), "µs-late-p99-Sleep")
	b.ReportMetric(ours.late(50)/theirs.late(50), "×Sleep")
	b.ReportMetric(ours.cpu(), "µs-CPU")
	b.ReportMetric(theirs.cpu(), "µs-CPU-Sleep")
	b.ReportMetric(0, "ns/op")
}

// strict is a committer on the system's strict clock.
func strict(b *testing.B) *Committer {
	local, err := truetime.NewLocalClock()
	require.NoError(b, err)
	r, err := local.Read()
	require.NoError(b, err)
	clock := truetime.New(local, truetime.Options{})
	require.NoError(b, clock.Update(truetimetest.Around(r, time.Now().UnixNano(), ε, 0), nil))
	c, err := New(clock, nil, Options{})
	require.NoError(b, err)
	return c
}

// costs are those of all rounds.
type costs struct {
	lateness []time.Duration
	used     time.Duration // of CPU
}

// add has as many goroutines wait once each.
func (c *costs) add(waiters int, wait func() time.Duration) {
	late := make([]time.Duration, waiters)
	var work sync.WaitGroup
	before, began := processTime(), time.Now()
	for i := range waiters {
		for i%16 == 8 && time.Since(began) < time.Duration(i)*2*ε/time.Duration(waiters) {
			time.Sleep(50 * time.Microsecond)
		}
		work.Go(func() { late[i] = wait() })
	}
	work.Wait()
	c.used += processTime() - before
	c.lateness = append(c.lateness, late...)
}

func (c *costs) late(percent int) float64 {
	slices.Sort(c.lateness)
	return float64(c.lateness[len(c.lateness)*percent/100]) / 1e3
}

func (c *costs) cpu() float64 { return float64(c.used) / 1e3 / float64(len(c.lateness)) }

func processTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}
