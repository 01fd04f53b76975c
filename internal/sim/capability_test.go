package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// needsWindowEstimator skips a test of the wander unless the estimator learns
// the counter's rate: after ten minutes with an excellent server its bound must age at
// about V, not at D.
func needsWindowEstimator(t *testing.T) {
	t.Helper()
	w := New(LAN(1, 1))
	e, err := ntpprobe.NewEstimator(w.Servers(), ntpprobe.Assumptions{DriftPPB: 200_000, WanderPPB: 15_000})
	require.NoError(t, err)
	var at time.Duration
	for range 10 {
		s, end, err := w.Exchange(0, at, time.Second)
		if err == nil {
			require.NoError(t, e.Add(s))
		}
		at = end + time.Minute
	}
	b, err := e.Bound(w.Reading(at))
	require.NoError(t, err)
	if b.Latest.SlopePPB-b.Earliest.SlopePPB > 100_000 {
		t.Skip("needs the window estimator: this one ages at the full drift")
	}
}
