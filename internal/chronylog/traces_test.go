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
