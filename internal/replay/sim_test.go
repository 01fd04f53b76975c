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

// TestReplay_SimulatedWorlds: whatever is assumed soundly, true time is inside.
func TestReplay_SimulatedWorlds(t *testing.T) {
	for seed := uint64(1); seed <= 12; seed++ {
		r := readAll(t, simulate(t, seed, time.Hour))
		var widest [2]Widths
		for i, a := range []ntpprobe.Assumptions{asRecorded(r), {Faulty: 1, DriftPPB: r.DriftPPB, WanderPPB: r.DriftPPB}} {
			result, err := Run(r, a, 0)
			require.NoError(t, err, "seed %d", seed)
			requireTruth(t, result)
			require.Equal(t, ntpprobe.Disproofs{}, result.Disproofs, "seed %d", seed)
			widest[i] = QuantilesOf(halves(result))
		}
		require.Less(t, widest[0].P50, widest[1].P50, "seed %d: without the wander the intervals are wider", seed)
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
