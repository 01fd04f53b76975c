package chronylog

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTraces_TrueTimeIsInside: a chronyd with -x followed servers that serve the wall clock, so
// the true offset is 0, in whatever it claims.
func TestTraces_TrueTimeIsInside(t *testing.T) {
	for name, kind := range map[string]Kind{"chrony-measurements.log": Measurements, "chrony-tracking.log": Tracking} {
		f, err := os.Open("../../testdata/traces/" + name)
		require.NoError(t, err)
		defer f.Close()
		log, err := Read(f, func(line int, why string) { t.Errorf("%s:%d: %s", name, line, why) })
		require.NoError(t, err)
		require.Equal(t, kind, log.Kind)
		require.Greater(t, len(log.Points), 100)
		for _, p := range log.Points {
			require.LessOrEqual(t, p.Offset.Abs(), p.Half, "%s: %v", name, p)
			require.Less(t, p.Offset.Abs(), 5*time.Millisecond)
		}
	}
}

// TestTraces_StatisticsAreNoBounds: the true offset is 0 there, too, and a path that is
// longer in one direction puts chronyd's estimate many of its standard deviations away.
func TestTraces_StatisticsAreNoBounds(t *testing.T) {
	f, err := os.Open("../../testdata/traces/chrony-statistics.log")
	require.NoError(t, err)
	defer f.Close()
	log, err := Read(f, func(line int, why string) { t.Errorf("%d: %s", line, why) })
	require.NoError(t, err)
	require.Equal(t, Statistics, log.Kind)
	require.Greater(t, len(log.Points), 100)
	beyond := 0
	for _, p := range log.Points[len(log.Points)/2:] {
		if p.Source == "127.0.6.4" { // 1 ms there and 2 ms back
			require.Negative(t, p.Offset, "the clock seems fast")
			if -p.Offset > 5*p.Deviation {
				beyond++
			}
		}
	}
	require.Greater(t, beyond, 5)
}
