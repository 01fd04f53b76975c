package sim

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// TestWallClock_DoesNotMatter: the run happens in a bubble whose own clocks, wall
// and monotonic, jump by an hour between exchanges and during them, or run 8 %
// fast or slow; not one bit of the result changes.
func TestWallClock_DoesNotMatter(t *testing.T) {
	run := func(between, during time.Duration, slew float64) (results []string) {
		c := WAN(6, 4)
		c.Length = time.Hour
		w := New(c)
		k := 0
		for _, n := range w.nodes {
			n.onWire = func() {
				if k++; k%10 == 0 {
					time.Sleep(during)
				}
			}
		}
		r := drive(t, w, Plan{
			Assumptions: assume(1),
			OnSample:    func(int, time.Duration, ntpprobe.Sample, error) { time.Sleep(between) },
			OnRead: func(read Read) {
				time.Sleep(time.Duration(slew * float64(time.Second)))
				results = append(results, fmt.Sprint(read.Interval, read.Err, read.Reading.Nanos))
			},
		})
		holds(t, r)
		require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
		return results
	}
	usual := run(0, 0, 0)
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, usual, run(time.Hour, 0, 1), "steps between exchanges")
		require.Equal(t, usual, run(0, time.Hour, 1), "steps during exchanges")
		require.Equal(t, usual, run(0, 0, 1.08), "slewed fast")
		require.Equal(t, usual, run(0, 0, 0.92), "slewed slow")
	})
}

// TestSuspend: after it nothing is answered from before it.
func TestSuspend(t *testing.T) {
	c := WAN(11, 4)
	asleep := Pause{At: 2 * time.Hour, For: time.Hour, Epoch: true}
	c.Oscillator.Pauses = []Pause{asleep}
	awake, served := asleep.At+asleep.For, time.Duration(0)
	r := drive(t, New(c), Plan{Assumptions: assume(1), Poll: 32 * time.Second, OnRead: func(read Read) {
		if read.At >= awake && served == 0 {
			if read.Err == nil {
				served = read.At
			} else {
				require.ErrorContains(t, read.Err, "epoch")
			}
		}
	}})
	holds(t, r)
	require.Greater(t, served, awake, "the first read after it is an error")
	require.Less(t, served, awake+40*time.Second)
	require.Greater(t, r.Disrupted, 0)
}

// TestSilentPause is the limit of everything here: nothing in
// the machine sees the pause of a virtual machine, and reads after it may be
// wrong. How long for depends on how it compares with the half width, 7–10 ms here.
func TestSilentPause(t *testing.T) {
	alone(t)
	for _, story := range []struct {
		what  string
		pause time.Duration
		wrong time.Duration // the last wrong read comes at most so long after the pause
		seen  bool          // in every world
	}{
		{"well below the half width: no harm", 5 * time.Millisecond, 0, false},
		{"between half and full width: often never noticed, and wrong until the old claims have aged", 15 * time.Millisecond, 4 * time.Minute, false},
		{"about the full width: the same, for longer", 20 * time.Millisecond, 6 * time.Minute, false},
		{"well above it: wrong until f + 1 domains have answered, within a poll, and then noticed", 100 * time.Millisecond, 66 * time.Second, true},
		{"a long one", time.Minute, 66 * time.Second, true},
	} {
		t.Run(story.what, func(t *testing.T) {
			wrong, unseen := time.Duration(-1), 0
			for seed := range uint64(6) {
				c := WAN(seed, 4)
				const at = 2 * time.Hour
				c.Oscillator.Pauses = []Pause{{At: at, For: story.pause}}
				r := drive(t, New(c), Plan{Assumptions: assume(1), OnRead: func(read Read) {
					if read.Wrong() {
						wrong = max(wrong, read.At-at-story.pause)
					}
				}})
				require.LessOrEqual(t, r.Disruptions, 2, "%v", r)
				require.Less(t, r.Disrupted, 200, "%v", r)
				if r.Disruptions+r.Disrupted == 0 {
					unseen++
				}
			}
			t.Logf("%v: wrong for up to %v, never noticed in %d of 6 worlds", story.pause, wrong, unseen)
			require.Equal(t, story.wrong > 0, wrong >= 0)
			require.LessOrEqual(t, wrong, story.wrong)
			require.False(t, story.seen && unseen > 0)
		})
	}
}

// TestRateStep_AboveTheWander: a step of the rate by more than
// 4V contradicts A1w but not A1. The estimator must say so within a few samples
// and fall back to the drift, which holds; afterwards it learns again.
func TestRateStep_AboveTheWander(t *testing.T) {
	alone(t)
	for _, by := range []float64{70, -70} {
		c := LAN(13, 4)
		const at = 2 * time.Hour
		c.Oscillator = Oscillator{RatePPM: 5, Steps: []RateStep{{At: at, PPM: by}}}
		var wrong []time.Duration
		r := drive(t, New(c), Plan{Assumptions: assume(1), Poll: 16 * time.Second, OnRead: func(read Read) {
			if read.Wrong() {
				wrong = append(wrong, read.At-at)
			}
		}})
		require.Greater(t, r.Disruptions, 0, "it must be reported: %v", r)
		t.Logf("%+.0f ppm: wrong reads %v, %v", by, wrong, r)
		if len(wrong) > 0 {
			require.Less(t, wrong[len(wrong)-1], 8*16*time.Second, "found within k samples: %v", r)
		}
		require.Less(t, r.Disrupted, 100, "it must not be out of service for a whole window: %v", r)
	}
}

// TestTwoMachines: what one machine read before another began to
// read is before it, whatever their counters do. a's earliest ≤ b's latest.
func TestTwoMachines(t *testing.T) {
	type read struct{ earliest, latest int64 }
	reads := map[string][]read{}
	for k, name := range []string{"a", "b"} {
		c := WAN(14, 4) // the same servers and paths
		c.Seed = uint64(14 + k)
		c.Oscillator = Oscillator{RatePPM: 180 - 360*float64(k)}
		holds(t, drive(t, New(c), Plan{Assumptions: assume(1), OnRead: func(r Read) {
			require.NoError(t, r.Err)
			reads[name] = append(reads[name], read{r.Interval.EarliestUnixNano(), r.Interval.LatestUnixNano()})
		}}))
	}
	for first, second := range map[string]string{"a": "b", "b": "a", "a again": "a"} {
		highest := int64(0) // of all earliest so far
		for i := range reads["a"] {
			highest = max(highest, reads[first[:1]][i].earliest)
			require.GreaterOrEqual(t, reads[second][i].latest, highest, "%s then %s at read %d", first, second, i)
		}
	}
}

// TestEra_2036: on 2036-02-07 the seconds of NTP begin again at 0.
func TestEra_2036(t *testing.T) {
	rollover := time.Date(2036, 2, 7, 6, 28, 16, 0, time.UTC)
	c := WAN(15, 4)
	c.Start = rollover.Add(-3 * time.Hour)
	accepted := 0
	r := drive(t, New(c), Plan{Assumptions: assume(1), OnSample: func(_ int, at time.Duration, s ntpprobe.Sample, rejected error) {
		if rejected == nil && c.Start.Add(at).After(rollover.Add(time.Minute)) {
			require.InDelta(t, c.Start.Add(at).UnixNano(), s.T3, 1e9)
			accepted++
		}
	}})
	holds(t, r)
	require.Zero(t, r.NoQuorum+r.Disrupted, "%v", r)
	require.Greater(t, accepted, 500)
}
