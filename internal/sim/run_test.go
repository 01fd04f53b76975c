package sim

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// raced is set under the race detector.
var raced bool

// alone is for a long test of a single goroutine. It runs beside others, but not
// under the race detector, which would slow it down and could find nothing.
func alone(t *testing.T) {
	t.Helper()
	t.Parallel()
	if raced {
		t.Skip("one goroutine only: nothing for the race detector (go test without -race runs it)")
	}
}

// assume is D = 200 ppm and V = 15 ppm, which all worlds here keep.
func assume(f int) ntpprobe.Assumptions {
	if f == 0 {
		f = ntpprobe.FaultyNone
	}
	return ntpprobe.Assumptions{Faulty: f, DriftPPB: DrawnDriftPPB, WanderPPB: DrawnWanderPPB}
}

// drive runs a world; whatever it is, the clock must have taken every bound.
func drive(t testing.TB, w *World, p Plan) Report {
	t.Helper()
	r, err := w.Run(p)
	require.NoError(t, err)
	require.Zero(t, r.Refused, "the clock refused bounds: %v", r)
	return r
}

// holds fails unless every interval had true time in it.
func holds(t testing.TB, r Report) {
	t.Helper()
	for _, v := range r.First {
		t.Error(v)
	}
	require.Zero(t, r.Violations, "%v", r)
	require.Zero(t, r.WentBack, "earliest went back within a generation: %v", r)
	require.Greater(t, r.Reads, 0)
}

// TestContainment_ReferenceWorlds reads in the worlds of the figures.
func TestContainment_ReferenceWorlds(t *testing.T) {
	alone(t)
	for seed := range uint64(4) {
		for _, c := range []Config{WAN(seed, 4), LAN(seed, 4)} {
			w := New(c)
			require.LessOrEqual(t, w.DriftPPB(), int64(DrawnDriftPPB), "A1 holds in this world")
			require.LessOrEqual(t, w.WanderPPB(), int64(DrawnWanderPPB), "A1w holds in this world")
			r := drive(t, w, Plan{Assumptions: assume(1)})
			holds(t, r)
			require.Equal(t, 21_588, r.Reads)
			require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
			require.Greater(t, r.P50, r.Floor, "nothing sound is below the floor: %v", r)
		}
	}
}

// TestRun_IsRepeatable: the same seed, the same run.
func TestRun_IsRepeatable(t *testing.T) {
	once := func() Report {
		c, f := Drawn(5, "any")
		c.Length = time.Hour
		return drive(t, New(c), Plan{Assumptions: assume(f), Poll: 16 * time.Second})
	}
	require.Equal(t, once(), once())
}

// TestRun_SeesAWrongInterval: a control. With a drift assumed that the counter
// does not keep, the world must notice.
func TestRun_SeesAWrongInterval(t *testing.T) {
	c := LAN(1, 1)
	c.Oscillator = Oscillator{RatePPM: 100}
	r := drive(t, New(c), Plan{Assumptions: ntpprobe.Assumptions{DriftPPB: 1_000, WanderPPB: 1_000}})
	require.Greater(t, r.Violations+r.Disruptions, 0)
	require.Greater(t, r.Violations, 0)
	require.Contains(t, r.First[0].String(), "seed 1 at ")
	require.Len(t, r.First, firstViolations)
}

// TestReport_String is a line of a table.
func TestReport_String(t *testing.T) {
	r := Report{Name: "WAN", Seed: 1, Domains: 4, Faulty: 1, Reads: 3, Floor: 2 * time.Millisecond}
	r.widths = []time.Duration{3e6, 5e6, 4e6}
	r.finish(nil)
	require.Equal(t, "WAN            seed 1    n=4 f=1  floor    2.000  p50    4.000  p99    5.000  max    5.000  p50/floor  2.00"+
		"  reads 3  wrong 0  no quorum 0  disrupted 0 (0 times)", r.String())
}

// BenchmarkRun reports reads per second of the reference worlds, and the cost of
// one exchange with real packets.
func BenchmarkRun(b *testing.B) {
	for name, c := range map[string]func() (Config, time.Duration){
		"WAN 64 s": func() (Config, time.Duration) { return WAN(1, 4), 64 * time.Second },
		"WAN 16 s": func() (Config, time.Duration) { return WAN(1, 4), 16 * time.Second },
		"LAN 1 s":  func() (Config, time.Duration) { return LAN(1, 4), time.Second },
	} {
		b.Run(name, func(b *testing.B) {
			reads := 0
			for b.Loop() {
				config, poll := c()
				config.Length = time.Hour
				reads += drive(b, New(config), Plan{Assumptions: assume(1), Poll: poll}).Reads
			}
			b.ReportMetric(float64(reads)/b.Elapsed().Seconds(), "reads/s")
		})
	}
	b.Run("exchange", func(b *testing.B) {
		w := New(WAN(1, 1))
		for b.Loop() {
			_, _, _ = w.Exchange(0, time.Minute, time.Second)
			w.nodes[0].traffic.sent = w.nodes[0].traffic.sent[:0]
		}
	})
}

// liars picks f of n servers.
func liars(seed uint64, n, f int) []int { return rand.New(rand.NewPCG(seed, 99)).Perm(n)[:f] }

func title(n, f int) string { return fmt.Sprintf("n=%d f=%d", n, f) }
