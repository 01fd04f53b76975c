package replay

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/internal/sim"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

var writeTraces = flag.Bool("replay.write", false, "write testdata/traces/simulated.ndjson anew")

const simulated = "../../testdata/traces/simulated.ndjson"

// simulate records a world of the simulator: four servers far away. The wall clock of the
// recording is true time.
func simulate(t *testing.T, seed uint64, length time.Duration) []byte {
	t.Helper()
	c := sim.WAN(seed, 4)
	c.Length = length
	w := sim.New(c)
	at := func(moment time.Duration) ntpprobe.Instant {
		r := w.Reading(moment)
		r.Epoch = 1 // the numbers of epochs depend on what ran before
		return ntpprobe.Instant{Before: r, After: r, Wall: time.Unix(0, w.Truth(moment)).UTC()}
	}
	session := record.NewSession(at(0), fmt.Sprintf("internal/sim, WAN with seed %d, a poll every 64 s: true time is the wall clock", seed), w.Servers(), 1, truetime.DefaultDriftPPB, ntpprobe.DefaultWanderPPB)
	var lines bytes.Buffer
	encode := json.NewEncoder(&lines)
	require.NoError(t, encode.Encode(session.Start(false)))
	numbers := map[int]int{}
	_, err := w.Run(sim.Plan{OnSample: func(server int, moment time.Duration, s ntpprobe.Sample, rejected error) {
		numbers[server]++
		s.T1.Epoch, s.T4.Epoch = 1, 1
		require.NoError(t, encode.Encode(session.Sample(at(moment), ntpprobe.Exchange{Server: w.Servers()[server], Number: numbers[server], Sample: s, Err: rejected})))
	}})
	require.NoError(t, err)
	return lines.Bytes()
}

// readAll reads one recording.
func readAll(t *testing.T, text []byte) record.Recording {
	t.Helper()
	r := record.Reader{Warn: func(file string, line int, why string) { t.Errorf("%s:%d: %s", file, line, why) }}
	require.NoError(t, r.Read("recording", bytes.NewReader(text)))
	list := r.Recordings()
	require.Len(t, list, 1)
	return list[0]
}

// asRecorded are the assumptions of a recording.
func asRecorded(r record.Recording) ntpprobe.Assumptions { return r.Assumptions() }

// requireTruth checks a replay of a recording whose wall clock is true time.
func requireTruth(t *testing.T, result Result) {
	t.Helper()
	known := 0
	for _, l := range result.Looks {
		if l.Known {
			known++
			require.True(t, l.Interval.Contains(l.Wall), "%v is not in [%v, %v]", l.Wall, l.Interval.Earliest(), l.Interval.Latest())
		}
	}
	require.Greater(t, known, len(result.Looks)*3/4, "there are intervals")
}

// TestReplay_SimulatedWorlds: whatever is assumed soundly, true time is inside. (The clocks
// there run wrong by 62 ppm at most, and stray by 2 ppm; nobody lies.)
func TestReplay_SimulatedWorlds(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		r := readAll(t, simulate(t, seed, time.Hour))
		width := map[string]time.Duration{}
		for name, a := range map[string]ntpprobe.Assumptions{
			"as recorded":     asRecorded(r),
			"no wander":       {Faulty: 1, DriftPPB: r.DriftPPB, WanderPPB: r.DriftPPB},
			"a good clock":    {Faulty: 1, DriftPPB: 70_000, WanderPPB: 3_000},
			"a bad clock":     {Faulty: 1, DriftPPB: 500_000, WanderPPB: 100_000},
			"nobody lies":     {Faulty: ntpprobe.FaultyNone, DriftPPB: r.DriftPPB, WanderPPB: r.WanderPPB},
			"the best of all": {Faulty: ntpprobe.FaultyNone, DriftPPB: 70_000, WanderPPB: 3_000},
		} {
			result, err := Run(r, a, 0)
			require.NoError(t, err, "seed %d, %s", seed, name)
			requireTruth(t, result)
			require.Equal(t, ntpprobe.Disproofs{}, result.Disproofs, "seed %d, %s", seed, name)
			width[name] = QuantilesOf(halves(result)).P50
		}
		require.Less(t, width["as recorded"], width["no wander"], "seed %d", seed)
		require.Less(t, width["the best of all"], width["a good clock"], "seed %d", seed)
		require.Less(t, width["a good clock"], width["as recorded"], "seed %d", seed)
		require.Less(t, width["as recorded"], width["a bad clock"], "seed %d", seed)
	}
}

// TestReplay_RestartsSuspendsSteps: the program ends and starts again on a machine whose
// local clock began anew; it is suspended, in which its local clock stood still; its wall
// clock is set an hour back. True time is inside, and nothing is known before the servers
// were asked again.
func TestReplay_RestartsSuspendsSteps(t *testing.T) {
	const back = time.Hour
	for seed := uint64(1); seed <= 6; seed++ {
		first, second := readAll(t, simulate(t, seed, 20*time.Minute)), readAll(t, simulate(t, seed+100, 40*time.Minute))
		asleep, set := len(second.Exchanges)/3, 2*len(second.Exchanges)/3
		for i := range second.Exchanges {
			x := &second.Exchanges[i]
			if i >= asleep {
				for _, r := range []*truetime.Reading{&x.At.Before, &x.At.After, &x.Sample.T1, &x.Sample.T4} {
					r.Epoch, r.Nanos = 2, r.Nanos-int64(10*time.Minute)
				}
			}
			if i >= set {
				x.At.Wall = x.At.Wall.Add(-back)
			}
		}
		runs := 0
		for _, r := range []record.Recording{first, second} {
			result, err := Run(r, asRecorded(r), runs)
			require.NoError(t, err)
			runs += result.Runs()
			for i := range result.Looks {
				if r.MadeBy == second.MadeBy && i >= 2*set {
					result.Looks[i].Wall = result.Looks[i].Wall.Add(back)
				}
			}
			requireTruth(t, result)
			require.False(t, result.Looks[0].Known, "seed %d", seed)
			if r.MadeBy == second.MadeBy {
				require.False(t, result.Looks[2*asleep].Known, "seed %d: the first after the suspend", seed)
				require.Equal(t, 1, result.Disproofs.Epoch, "seed %d", seed)
			}
		}
		require.Equal(t, 3, runs)
	}
}

func halves(r Result) (list []time.Duration) {
	for _, l := range r.Looks {
		if l.Known {
			list = append(list, l.Interval.Uncertainty())
		}
	}
	return list
}

// TestTraces_Simulated is the recorded one, made by -replay.write.
func TestTraces_Simulated(t *testing.T) {
	if *writeTraces {
		require.NoError(t, os.WriteFile(simulated, simulate(t, 7, 45*time.Minute), 0o644))
	}
	text, err := os.ReadFile(simulated)
	require.NoError(t, err)
	result, err := Run(readAll(t, text), asRecorded(readAll(t, text)), 0)
	require.NoError(t, err)
	requireTruth(t, result)
}
