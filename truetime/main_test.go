package truetime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/truetime"
)

// TestMain fails the package if any test leaves a goroutine behind (I10).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// driftPPB is the drift D that the tests assume, 200 ppm.
const driftPPB = 200_000

// noon is true time, in unix nanoseconds, when the local clock of a test reads 0.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano()

// at returns the moment that is d after noon.
func at(d time.Duration) time.Time { return time.Unix(0, noon+int64(d)).UTC() }

func interval(t require.TestingT, earliest, latest int64) truetime.Interval {
	i, err := truetime.NewInterval(earliest, latest)
	require.NoError(t, err)
	return i
}
