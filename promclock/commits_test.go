package promclock

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestCommits_OneInFlight holds the safe time back; without an interval its age is unknown.
func TestCommits_OneInFlight(t *testing.T) {
	local := truetimetest.NewManual(1)
	clock := truetime.New(local, truetime.Options{})
	committer, err := commitwait.New(clock, nil, commitwait.Options{})
	require.NoError(t, err)
	values := gathered(t, Commits(committer, clock))
	require.Zero(t, values["commitwait_in_flight{}"])
	require.NotContains(t, values, "commitwait_safe_time_age_seconds{}")

	now, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(now, time.Now().UnixNano(), time.Millisecond, 1), nil))
	_, err = committer.Assign(t.Context())
	require.NoError(t, err)
	local.Advance(10 * time.Second)
	values = gathered(t, Commits(committer, clock))
	require.Equal(t, 1.0, values["commitwait_in_flight{}"])
	require.InDelta(t, 10, values["commitwait_safe_time_age_seconds{}"], 0.1)
}

// TestWaits_OneOfEachKind: 2 ms of waiting are in the histogram, and what did not wait to the end is only counted.
func TestWaits_OneOfEachKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewVirtual(0)
		clock := truetime.New(local, truetime.Options{})
		now, err := local.Read()
		require.NoError(t, err)
		require.NoError(t, clock.Update(truetimetest.Around(now, time.Now().UnixNano(), time.Millisecond, 1), nil))
		waits := NewWaits()
		c, err := commitwait.New(clock, nil, commitwait.Options{OnWait: waits.Observe})
		require.NoError(t, err)
		nothing := func(context.Context, hlc.Timestamp) error { return nil }
		_, err = c.Commit(t.Context(), nothing)
		require.NoError(t, err)

		p, err := c.Assign(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.Error(t, p.Run(ctx, nothing)) // too long for the deadline
		stopped, stop := context.WithCancel(t.Context())
		stop()
		require.Error(t, p.Wait(stopped))
		require.NoError(t, c.Close())
		require.Error(t, p.Wait(t.Context()))

		values := gathered(t, waits)
		for result, want := range map[string]float64{"passed": 1, "too_long": 1, "interrupted": 1, "closed": 1, "failed": 0} {
			require.Equal(t, want, values[fmt.Sprintf("commitwait_waits_total{result=%s}", result)], result)
		}
		var m dto.Metric
		require.NoError(t, waits.durations.Write(&m))
		require.EqualValues(t, 1, m.Histogram.GetSampleCount())
		require.InDelta(t, 0.002, m.Histogram.GetSampleSum(), 0.0005)
		require.Equal(t, 1e-6, m.Histogram.Bucket[0].GetUpperBound())
		require.InEpsilon(t, 4e-6, m.Histogram.Bucket[1].GetUpperBound(), 1e-9)
		require.NotZero(t, m.Histogram.GetSchema(), "a native one as well")
	})
}

// TestWaits_Observe allocates nothing, and knows errors that are wrapped.
func TestWaits_Observe(t *testing.T) {
	waits := NewWaits()
	waits.Observe(time.Millisecond, nil) // the native bucket of this width is made once
	require.Zero(t, testing.AllocsPerRun(100, func() { waits.Observe(time.Millisecond, nil) }))
	require.Equal(t, waitClosed, waitResult(&truetime.WaitError{Cause: commitwait.ErrClosed}))
	require.Equal(t, waitTooLong, waitResult(fmt.Errorf("x: %w", &truetime.WaitTooLongError{})))
	require.Equal(t, waitFailed, waitResult(errors.New("x")))
	var _ prometheus.Collector = waits
}
