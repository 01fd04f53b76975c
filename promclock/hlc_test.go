package promclock

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// gathered are the values of collectors, which no linter objects to.
func gathered(t *testing.T, collectors ...prometheus.Collector) map[string]float64 {
	t.Helper()
	w := &world{registry: prometheus.NewPedanticRegistry()}
	for _, c := range collectors {
		require.NoError(t, w.registry.Register(c))
	}
	problems, err := testutil.GatherAndLint(w.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	return w.values(t)
}

// TestHLC_APeerThatIsFarAhead is refused and counted; one that is a little ahead shows as drift.
func TestHLC_APeerThatIsFarAhead(t *testing.T) {
	clock, err := hlc.New(hlc.Options{})
	require.NoError(t, err)
	before := gathered(t, HLC(clock))
	require.Zero(t, before["hlc_rejected_remote_timestamps_total{reason=too_far_ahead}"])
	require.Contains(t, before, "hlc_logical_overflows_total{}")
	now := clock.Now()
	_, err = clock.Update(hlc.Timestamp{WallTime: now.WallTime + int64(24*time.Hour)})
	require.Error(t, err)
	_, err = clock.ForceUpdate(hlc.Timestamp{WallTime: now.WallTime + int64(time.Hour)})
	require.NoError(t, err)
	after := gathered(t, HLC(clock))
	require.Equal(t, 1.0, after["hlc_rejected_remote_timestamps_total{reason=too_far_ahead}"])
	require.InDelta(t, 3600, after["hlc_drift_seconds{}"], 60)
}
