package compare

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPercentile_IsAValueThatOccurred(t *testing.T) {
	var values []time.Duration
	require.Zero(t, Percentile(values, 50))
	for i := range 200 {
		values = append(values, time.Duration(i+1))
	}
	require.Equal(t, time.Duration(100), Percentile(values, 50))
	require.Equal(t, time.Duration(198), Percentile(values, 99))
	require.Equal(t, time.Duration(1), Percentile(values[:1], 99))
	require.Equal(t, time.Duration(2), Percentile(values[:3], 50))
}

// TestReport_CountsWhatIsWrongAndWhatIsMissing, and measures by the first row.
func TestReport_CountsWhatIsWrongAndWhatIsMissing(t *testing.T) {
	us := func(n int) time.Duration { return time.Duration(n) * time.Microsecond }
	first := Summarize("one", false, 15, []Look{{Half: us(400)}, {Half: us(100)}, {Half: us(200)}})
	second := Summarize("other", false, 15, []Look{{Half: us(100), Outside: true}, {Missing: true}, {Missing: true, Half: us(900), Outside: true}})
	require.Equal(t, Row{Method: "other", AssumedPPM: 15, Reads: 3, Missing: 2, Violations: 1, P50: us(100), P99: us(100)}, second)
	r := Report{Chronyd: "4.3", Poll: 16 * time.Second, WarmUp: time.Minute, Measured: 2 * time.Minute}
	r.Add(first, second)
	require.Equal(t, 0.5, r.Rows[1].RatioP50)
	var out strings.Builder
	require.NoError(t, r.Print(&out))
	require.Equal(t, `chronyd 4.3; poll 16s; 1m0s of warm-up, then 2m0s evaluated; half widths in µs
  servers  assumed  method  p50  p99  ratio  violations  no answer  reads
   honest   15 ppm     one  200  400   1.00           0          0      3
   honest   15 ppm   other  100  100   0.50           1          2      3
`, out.String())
}
