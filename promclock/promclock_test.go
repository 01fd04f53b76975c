package promclock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// world is a running prober with its metrics.
type world struct {
	metrics  *Metrics
	clock    *truetime.Clock
	prober   *ntpprobe.Prober
	registry *prometheus.Registry
}

// running polls embedded servers until the end of the test.
func running(t *testing.T, configs ...fleet.Config) *world {
	t.Helper()
	var addresses []string
	for _, c := range configs {
		server, err := fleet.Start(c)
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Close() })
		addresses = append(addresses, server.Addr())
	}
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	w := &world{metrics: New(), clock: truetime.New(local, truetime.Options{}), registry: prometheus.NewPedanticRegistry()}
	w.prober, err = ntpprobe.New(ntpprobe.Config{
		Servers: ntpprobe.Servers(addresses...), Local: local, OnExchange: w.metrics.Exchange,
		Poll: ntpprobe.PollPolicy{MinPoll: 10 * time.Millisecond, BurstInterval: 2 * time.Millisecond, Timeout: 200 * time.Millisecond},
	})
	require.NoError(t, err)
	require.NoError(t, w.registry.Register(w.metrics.Collector(w.clock, w.prober)))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.prober.Run(ctx, w.clock.Update) }()
	t.Cleanup(func() { cancel(); <-done })
	return w
}

// values returns every sample as name{labels} → value; of a histogram the count.
func (w *world) values(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := w.registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			values[fmt.Sprintf("%s{%s}", family.GetName(), strings.Join(labels, ","))] = value(m)
		}
	}
	return values
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Gauge != nil:
		return m.Gauge.GetValue()
	case m.Counter != nil:
		return m.Counter.GetValue()
	}
	return float64(m.Histogram.GetSampleCount())
}

// TestMetrics_AHonestFleetAndALiar: every metric of the contract is there, with what the
// report says, and no linter objects.
func TestMetrics_AnHonestFleetAndALiar(t *testing.T) {
	w := running(t, fleet.Config{}, fleet.Config{}, fleet.Config{}, fleet.Config{Offset: 250 * time.Millisecond})
	require.Eventually(t, func() bool {
		r, err := w.prober.Report(w.clock)
		return err == nil && r.Err == nil && r.Agreed() == 3 && r.Sources[3].State == ntpprobe.Falseticker && !slices.ContainsFunc(r.Sources, func(s ntpprobe.SourceStatus) bool { return s.Samples < 2 }) && w.clock.Status().State == truetime.Synchronized
	}, 10*time.Second, time.Millisecond)
	w.metrics.Sample(w.clock)
	values := w.values(t)
	report, err := w.prober.Report(w.clock)
	require.NoError(t, err)
	require.Equal(t, 3.0, values["clockctl_agreed_sources{}"])
	require.Equal(t, 1.0, values["clockctl_faulty_tolerated{}"])
	require.Equal(t, 1.0, values["clockctl_synchronized{}"])
	require.Equal(t, 1.0, values["clockctl_status_info{status=synchronized}"])
	require.Equal(t, 1.0, values["truetime_uncertainty_distribution_seconds{}"])
	require.Greater(t, values["clockctl_uncertainty_seconds{}"], 0.0)
	require.Less(t, values["clockctl_uncertainty_seconds{}"], 1.0)
	require.Contains(t, values, "clockctl_offset_seconds{}")
	require.InDelta(t, float64(time.Now().Unix()), values["clockctl_last_sync_timestamp_seconds{}"], 60)
	require.LessOrEqual(t, math.Abs(values["clockctl_frequency_error_ratio{}"]), values["clockctl_frequency_uncertainty_ratio{}"], "the servers serve a clock of this machine")
	require.Less(t, values["clockctl_frequency_uncertainty_ratio{}"], 1e-3)
	liar := report.Sources[3].Server.Address
	require.InDelta(t, 0.25, values["clockctl_source_offset_seconds{source="+liar+"}"], 0.1)
	require.Equal(t, 1.0, values["clockctl_source_state_info{source="+liar+",state=falseticker}"])
	for _, s := range report.Sources {
		labels := "{source=" + s.Server.Address + "}"
		require.Equal(t, 1.0, values["clockctl_source_stratum"+labels])
		require.Equal(t, 1.0, values["clockctl_source_reachable"+labels])
		require.Greater(t, values["clockctl_source_delay_seconds"+labels], 0.0)
		require.Contains(t, values, "clockctl_source_jitter_seconds"+labels)
		require.GreaterOrEqual(t, values["clockctl_source_error_bound_seconds"+labels], values["clockctl_source_delay_seconds"+labels]/2)
	}
	for _, cause := range []string{"epoch", "jump", "wander", "disagreement", "conflict"} {
		require.Contains(t, values, "truetime_disruptions_total{cause="+cause+"}")
	}
	problems, err := testutil.GatherAndLint(w.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestMetrics_WithoutAnInterval what is unknown is left out, not 0: an offset of 0 would look
// like a perfect clock.
func TestMetrics_WithoutAnInterval(t *testing.T) {
	w := running(t, fleet.Config{Reply: fleet.Silent}, fleet.Config{Reply: fleet.Silent}, fleet.Config{Reply: fleet.Kiss("LIES")})
	var values map[string]float64
	require.Eventually(t, func() bool {
		values = w.values(t)
		return slices.ContainsFunc(keys(values), func(k string) bool { return strings.HasSuffix(k, "result=timeout,source="+w.address(0)+"}") })
	}, 10*time.Second, time.Millisecond)
	w.metrics.Sample(w.clock)
	values = w.values(t)
	require.Equal(t, 0.0, values["clockctl_synchronized{}"])
	require.Equal(t, 0.0, values["clockctl_agreed_sources{}"])
	require.Equal(t, 1.0, values["clockctl_status_info{status=unsynchronized}"])
	require.Equal(t, 0.0, values["clockctl_source_reachable{source="+w.address(0)+"}"])
	require.Equal(t, 0.0, values["truetime_uncertainty_distribution_seconds{}"])
	for _, unknown := range []string{"clockctl_offset_seconds{}", "clockctl_uncertainty_seconds{}", "clockctl_last_sync_timestamp_seconds{}", "clockctl_frequency_error_ratio{}", "clockctl_source_jitter_seconds{source=" + w.address(0) + "}", "clockctl_source_offset_seconds{source=" + w.address(0) + "}"} {
		require.NotContains(t, values, unknown)
	}
}

func (w *world) address(i int) string { return w.prober.Sources()[i].Server.Address }

func keys(m map[string]float64) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	return names
}

// TestResult_IsAFixedWord: whatever four letters a server sends must not become a label.
func TestResult_IsAFixedWord(t *testing.T) {
	require.Equal(t, "accepted", result(nil))
	require.Equal(t, "kiss_of_death", result(&ntpprobe.RejectedError{Reason: ntpprobe.KissOfDeath("A\x00:B")}))
	require.Equal(t, "timeout", result(fmt.Errorf("wrapped: %w", &ntpprobe.RejectedError{Reason: ntpprobe.ReasonTimeout})))
	require.Equal(t, "internal", result(errors.New("the local clock failed")))
}

// TestRun_SamplesOverTime: one look a second, however long nobody scrapes, and none without an interval.
func TestRun_SamplesOverTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewVirtual(0)
		clock := truetime.New(local, truetime.Options{})
		m := New()
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error)
		go func() { ended <- m.Run(ctx, clock) }()
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		require.Equal(t, 0, count(t, m))
		now, err := local.Read()
		require.NoError(t, err)
		require.NoError(t, clock.Update(truetimetest.Around(now, time.Now().UnixNano(), time.Millisecond, truetime.DefaultDriftPPB), nil))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, 10, count(t, m))
		stop := errors.New("stop")
		cancel(stop)
		require.ErrorIs(t, <-ended, stop)
	})
}

func count(t *testing.T, m *Metrics) int {
	t.Helper()
	var out dto.Metric
	require.NoError(t, m.widths.Write(&out))
	return int(out.Histogram.GetSampleCount())
}

// TestCollector_AClockThatCannotBeRead is a state, not a failed scrape.
func TestCollector_AClockThatCannotBeRead(t *testing.T) {
	local := deaf{}
	prober, err := ntpprobe.New(ntpprobe.Config{Servers: ntpprobe.Servers("127.0.0.1:1"), Local: local})
	require.NoError(t, err)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(New().Collector(truetime.New(local, truetime.Options{}), prober)))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Equal(t, []promlint.Problem(nil), problems)
}

type deaf struct{}

func (deaf) Read() (truetime.Reading, error) { return truetime.Reading{}, errors.New("no clock") }
