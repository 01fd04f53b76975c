package ntpprobe

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// TestProberReport_IsWhatTheClockServes: the report's interval lies around those that the
// clock gave before and after it, its sources have the same instant, and its bound explains it.
func TestProberReport_IsWhatTheClockServes(t *testing.T) {
	clock, prober := running(t, strictClock(t), four(t)...)
	report, err := prober.Report(clock)
	require.NoError(t, err)
	if report.Err != nil { // the first exchange may have ended already
		require.ErrorIs(t, report.Err, truetime.ErrUnsynchronized)
		require.Equal(t, truetime.Bound{}, report.Bound)
	}
	eventually(t, "all agree", func() bool {
		report, err = prober.Report(clock)
		require.NoError(t, err)
		return report.Err == nil && report.Agreed() == 4
	})
	before, err := clock.Now()
	require.NoError(t, err)
	report, err = prober.Report(clock)
	require.NoError(t, err)
	after, err := clock.Now()
	require.NoError(t, err)
	require.LessOrEqual(t, before.EarliestUnixNano(), report.Interval.EarliestUnixNano(), "earliest never goes back within a generation")
	require.LessOrEqual(t, report.Interval.EarliestUnixNano(), after.EarliestUnixNano())
	require.LessOrEqual(t, report.Interval.EarliestUnixNano(), report.Instant.Wall.UnixNano(), "the servers serve the wall clock")
	require.GreaterOrEqual(t, report.Interval.LatestUnixNano(), report.Instant.Wall.UnixNano())
	require.Equal(t, 1, report.Faulty)
	require.NoError(t, report.Bound.Validate())
	for _, s := range report.Sources {
		require.Equal(t, time.Duration(s.Estimate.Interval.Midpoint()-report.Instant.Wall.UnixNano()), s.Estimate.Offset)
	}
}

// TestProberReport_InHoldover there is an interval, although nobody answers.
func TestProberReport_InHoldover(t *testing.T) {
	servers := four(t)
	clock, prober := running(t, strictClock(t), servers...)
	eventually(t, "synchronized", func() bool { return clock.Status().State == truetime.Synchronized })
	for _, s := range servers {
		s.mute.Store(true)
	}
	eventually(t, "holdover", func() bool { return clock.Status().State == truetime.Holdover })
	report, err := prober.Report(clock)
	require.NoError(t, err)
	require.NoError(t, report.Err)
	require.Positive(t, report.Interval.Uncertainty())
}

// TestProberReport_CoversTheReadings: each reading of this local clock takes a millisecond, and the
// interval covers all that pass between the first and the last.
func TestProberReport_CoversTheReadings(t *testing.T) {
	local := &slow{epoch: truetime.NewEpoch()}
	prober, err := New(Config{Servers: Servers("127.0.0.1:1"), Local: local})
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(t, err)
	now := time.Now().UnixNano()
	require.NoError(t, clock.Update(truetime.Bound{
		At: r, Earliest: truetime.Line{At: r.Nanos, Nanos: now}, Latest: truetime.Line{At: r.Nanos, Nanos: now}, Expires: r.Nanos + int64(time.Hour), Generation: truetime.NewGeneration(),
	}, nil))
	report, err := prober.Report(clock)
	require.NoError(t, err)
	require.NoError(t, report.Err)
	require.Equal(t, 3*time.Millisecond, report.Interval.Width(), "the first, two around the wall clock, the last")
}

type slow struct {
	epoch uint64
	nanos atomic.Int64
}

func (s *slow) Read() (truetime.Reading, error) {
	return truetime.Reading{Nanos: s.nanos.Add(int64(time.Millisecond)), Epoch: s.epoch}, nil
}

// deaf cannot be read.
type deaf struct{}

var errDeaf = errors.New("no clock")

func (deaf) Read() (truetime.Reading, error) { return truetime.Reading{}, errDeaf }

func TestProberReport_TheLocalClockFails(t *testing.T) {
	prober, err := New(Config{Servers: Servers("127.0.0.1:1"), Local: deaf{}})
	require.NoError(t, err)
	_, err = prober.Report(truetime.New(deaf{}, truetime.Options{}))
	require.ErrorIs(t, err, errDeaf)
	require.Len(t, prober.Sources(), 1)
}

// TestProber_OnExchange hears of every exchange, those that failed too.
func TestProber_OnExchange(t *testing.T) {
	good, bad := newSwitchable(t), newSwitchable(t)
	kiss := "RATE"
	bad.kiss.Store(&kiss)
	var accepted, rejected atomic.Int64
	local := strictClock(t)
	runOn(t, Config{
		Servers: Servers(good.address, bad.address), Local: local, Poll: PollPolicy{MinPoll: 5 * time.Millisecond, BurstInterval: time.Millisecond},
		OnExchange: func(x Exchange) {
			var r *RejectedError
			if errors.As(x.Err, &r) && r.Reason == KissOfDeath(kiss) && x.Server.Address == bad.address {
				rejected.Add(1)
			} else if x.Err == nil && x.Server.Address == good.address {
				accepted.Add(1)
			}
		},
	}, local)
	eventually(t, "both were heard of", func() bool { return accepted.Load() >= 3 && rejected.Load() >= 2 })
}
