package replay

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/allan"
	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/ntpprobe"
)

func loopback(t *testing.T) (record.Recording, string) {
	t.Helper()
	text, err := os.ReadFile("../../testdata/traces/loopback.ndjson")
	require.NoError(t, err)
	return readAll(t, text), string(text)
}

// TestTraces_Loopback: the servers served the wall clock, so true time is read_at,
// whatever is assumed.
func TestTraces_Loopback(t *testing.T) {
	r, _ := loopback(t)
	for name, a := range map[string]ntpprobe.Assumptions{
		"as recorded":              asRecorded(r),
		"nobody lies":              {Faulty: ntpprobe.FaultyNone, DriftPPB: 200_000, WanderPPB: 15_000},
		"nothing but the drift":    {Faulty: 1, DriftPPB: 200_000, WanderPPB: 200_000},
		"a worse clock":            {Faulty: 1, DriftPPB: 500_000, WanderPPB: 15_000},
		"a clock that hardly errs": {Faulty: 1, DriftPPB: 50_000, WanderPPB: 1_000},
	} {
		result, err := Run(r, a, 0)
		require.NoError(t, err, name)
		requireTruth(t, result)
		require.Equal(t, ntpprobe.Disproofs{}, result.Disproofs, name)
		require.Equal(t, len(r.Exchanges), result.Accepted+result.Refused, name)
		require.Len(t, result.Holdover, 2, name)
		require.Less(t, result.Holdover[0].Uncertainty, result.Holdover[1].Uncertainty, name)
		require.LessOrEqual(t, result.Rate.LeastPPB, result.Rate.MostPPB, name)
	}
}

// TestTraces_ReplayIsWhatWasSaid: with the assumptions of the recording the replay says what
// the prober said at the time, to the nanosecond, but for the drift between the two looks.
func TestTraces_ReplayIsWhatWasSaid(t *testing.T) {
	r, text := loopback(t)
	result, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	samples, compared := 0, 0
	for line := range strings.Lines(text) {
		var b record.Bound
		require.NoError(t, json.Unmarshal([]byte(line), &b))
		if b.Type == record.TypeSample {
			samples++
		}
		if b.Type != record.TypeBound {
			continue
		}
		look, at := result.Looks[2*samples-1], r.Exchanges[samples-1].At // just before the line
		require.True(t, look.Known)
		early, late := b.At-at.Before.Nanos, b.At+b.Took-at.After.Nanos
		most := 3 + float64(max(early, late))*float64(r.DriftPPB)/1e9
		require.InDelta(t, 0, unixNano(t, b.Interval.Earliest)-look.Interval.EarliestUnixNano()-early, most, line)
		require.InDelta(t, 0, unixNano(t, b.Interval.Latest)-look.Interval.LatestUnixNano()-late, most, line)
		compared++
	}
	require.Greater(t, compared, 100)
}

func unixNano(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return at.UnixNano()
}

// TestRun_SharperAssumptionsAreNarrower: that is what analyze is for.
func TestRun_SharperAssumptionsAreNarrower(t *testing.T) {
	r, _ := loopback(t)
	width := func(a ntpprobe.Assumptions) time.Duration {
		result, err := Run(r, a, 0)
		require.NoError(t, err)
		return QuantilesOf(halves(result)).P50
	}
	asIs := width(asRecorded(r))
	require.Less(t, width(ntpprobe.Assumptions{Faulty: 1, DriftPPB: 50_000, WanderPPB: 1_000}), asIs, "a steadier clock")
	require.Less(t, width(ntpprobe.Assumptions{Faulty: ntpprobe.FaultyNone, DriftPPB: 200_000, WanderPPB: 15_000}), asIs, "nobody lies")
	require.Greater(t, width(ntpprobe.Assumptions{Faulty: 1, DriftPPB: 500_000, WanderPPB: 500_000}), asIs, "a worse clock")
}

func TestRun_RefusesWhatCannotWork(t *testing.T) {
	r, _ := loopback(t)
	var config *ntpprobe.ConfigError
	_, err := Run(r, ntpprobe.Assumptions{Faulty: 2}, 0)
	require.ErrorAs(t, err, &config, "four servers cannot carry two liars")
	_, err = Run(record.Recording{}, ntpprobe.Assumptions{}, 0)
	require.ErrorAs(t, err, &config)
}

// TestRun_AnEpochEndsWhatWasKnown: after a suspend the interval is gone until the servers
// have answered again, and the looks are of another run.
func TestRun_AnEpochEndsWhatWasKnown(t *testing.T) {
	r, _ := loopback(t)
	half := len(r.Exchanges) / 2
	for i := half; i < len(r.Exchanges); i++ {
		x := &r.Exchanges[i]
		x.At.Before.Epoch, x.At.After.Epoch, x.Sample.T1.Epoch, x.Sample.T4.Epoch = 2, 2, 2, 2
	}
	result, err := Run(r, asRecorded(r), 5)
	require.NoError(t, err)
	requireTruth(t, result)
	require.Equal(t, 1, result.Disproofs.Epoch)
	require.Equal(t, 2, result.Runs())
	var after []Look
	for _, l := range result.Looks {
		require.Contains(t, []int{5, 6}, l.Run)
		if l.Run == 6 {
			after = append(after, l)
		}
	}
	require.False(t, after[0].Known, "what was known before the gap says nothing after it")
	require.True(t, after[len(after)-1].Known)
}

// TestRun_ALookCoversItsReadings: however long it took to read the clocks, and whenever
// within that the wall clock was read, true time is inside.
func TestRun_ALookCoversItsReadings(t *testing.T) {
	for _, when := range []time.Duration{0, 100 * time.Millisecond} {
		r, _ := loopback(t)
		for i := range r.Exchanges {
			at := &r.Exchanges[i].At
			at.After.Nanos += int64(100 * time.Millisecond)
			at.Wall = at.Wall.Add(when)
		}
		result, err := Run(r, asRecorded(r), 0)
		require.NoError(t, err)
		requireTruth(t, result)
	}
}

// TestRun_WhatWasRefusedStaysRefused, whatever its stamps say.
func TestRun_WhatWasRefusedStaysRefused(t *testing.T) {
	r, _ := loopback(t)
	for i := range r.Exchanges {
		r.Exchanges[i].Reason = "kiss_of_death:RATE"
	}
	result, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	require.Zero(t, result.Accepted)
	require.Equal(t, len(r.Exchanges), result.Refused)
}

// TestRun_SessionsAreStrangers: the same epoch number of two runs of the program is not the
// same epoch.
func TestRun_SessionsAreStrangers(t *testing.T) {
	r, _ := loopback(t)
	first, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	second, err := Run(r, asRecorded(r), first.Runs())
	require.NoError(t, err)
	require.NotEqual(t, first.Last.At.Epoch, second.Last.At.Epoch)
	require.NotEqual(t, first.Looks[0].Run, second.Looks[0].Run)
	require.Equal(t, first.Rate, second.Rate)
}

// TestRun_EpochsOutOfOrder, as only a file that somebody changed has them, end in
// refusals and not in an interval.
func TestRun_EpochsOutOfOrder(t *testing.T) {
	r, _ := loopback(t)
	for i := range r.Exchanges {
		r.Exchanges[i].Sample.T1.Epoch, r.Exchanges[i].Sample.T4.Epoch = 0, 0 // before that of the looks
	}
	result, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	for _, l := range result.Looks {
		require.False(t, l.Known)
	}
}

func TestRun_NothingRecorded(t *testing.T) {
	r, _ := loopback(t)
	r.Exchanges = nil
	result, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	require.Zero(t, result.Runs())
	require.Nil(t, result.Rate)
	require.Empty(t, result.Holdover)
}

// TestHoldover_GrowsByTheRateAndThenByTheDrift: until the bound expires an hour adds the
// width of the rate's range; beyond, nothing is assumed but the drift.
func TestHoldover_GrowsByTheRateAndThenByTheDrift(t *testing.T) {
	r, _ := loopback(t)
	result, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	last := r.Exchanges[len(r.Exchanges)-1].At.After.Nanos
	beyond := float64(last + int64(time.Hour) - result.Last.Expires)
	require.Greater(t, beyond, float64(time.Second), "it expires an hour after samples that came before the last")
	require.Equal(t, []bool{false, true}, []bool{result.Holdover[0].Expired, result.Holdover[1].Expired})
	rate := float64(result.Rate.MostPPB-result.Rate.LeastPPB) / 2e9
	grown := result.Holdover[1].Uncertainty - result.Holdover[0].Uncertainty
	require.InDelta(t, (float64(59*time.Minute)-beyond)*rate+beyond*2e-4, float64(grown), 3)
}

// TestHoldover_CountsFromTheLastExchange, also if the servers were silent for two hours
// before it and the bound is long gone.
func TestHoldover_CountsFromTheLastExchange(t *testing.T) {
	r, _ := loopback(t)
	before, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	silent := r.Exchanges[len(r.Exchanges)-1]
	silent.Reason = "timeout"
	silent.At.Before.Nanos += int64(2 * time.Hour)
	silent.At.After.Nanos += int64(2 * time.Hour)
	r.Exchanges = append(r.Exchanges, silent)
	after, err := Run(r, asRecorded(r), 0)
	require.NoError(t, err)
	require.Equal(t, before.Last.Expires, after.Last.Expires)
	for i := range after.Holdover {
		require.Greater(t, after.Holdover[i].Uncertainty, before.Holdover[1].Uncertainty+after.Holdover[i].After*2/10_000)
	}
}

// TestHoldover_NothingFollowsFromWhatWasDisproved: the servers end by contradicting
// themselves, so the bound before says nothing of an hour later.
func TestHoldover_NothingFollowsFromWhatWasDisproved(t *testing.T) {
	r, _ := loopback(t)
	for i := len(r.Exchanges) - 12; i < len(r.Exchanges); i++ {
		r.Exchanges[i].Sample.T2 += int64(time.Second)
		r.Exchanges[i].Sample.T3 += int64(time.Second)
	}
	for cut := len(r.Exchanges) - 12; cut <= len(r.Exchanges); cut++ {
		some := r
		some.Exchanges = r.Exchanges[:cut]
		result, err := Run(some, asRecorded(r), 0)
		require.NoError(t, err)
		known := result.Looks[len(result.Looks)-1].Known
		require.Equal(t, known, len(result.Holdover) == 2, "%d exchanges", cut)
		require.Equal(t, known, result.Rate != nil, "%d exchanges", cut)
		if !known {
			return
		}
	}
	t.Error("nothing was disproved")
}

func TestQuantilesOf(t *testing.T) {
	require.Equal(t, Widths{}, QuantilesOf(nil))
	require.Equal(t, Widths{1, 7, 7, 7}, QuantilesOf([]time.Duration{7}))
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(99-i))
	}
	require.Equal(t, Widths{100, 50, 95, 99}, QuantilesOf(hundred))
	require.Equal(t, time.Duration(99), hundred[0], "the argument stays as it is")
}

func TestFitLine(t *testing.T) {
	fit, ok := FitLine([]allan.Sample{{At: time.Second, Offset: 3}, {At: 2 * time.Second, Offset: 5}, {At: 4 * time.Second, Offset: 9}})
	require.True(t, ok)
	require.InDelta(t, 2, fit.Rate, 1e-12)
	require.InDelta(t, 1, fit.Offset, 1e-12)
	for _, few := range [][]allan.Sample{nil, {{At: 1, Offset: 1}}, {{At: 1, Offset: 1}, {At: 1, Offset: 2}}} {
		_, ok = FitLine(few)
		require.False(t, ok)
	}
	fit, _ = FitLine([]allan.Sample{{At: 0, Offset: 1e9}, {At: time.Hour, Offset: 1e9}})
	require.False(t, math.IsNaN(fit.Rate))
}
