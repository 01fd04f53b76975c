package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/termplot"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// updateGolden writes the pictures again: go test ./cmd/clockctl -run WatchView -update-pictures
var updateGolden = flag.Bool("update-pictures", false, "write testdata/watch again")

// atNoon is a watch of four servers after five minutes: one lies, one is silent.
func atNoon(t *testing.T) watched {
	t.Helper()
	wall := time.Date(2026, 11, 23, 12, 0, 0, 353_951_498, time.UTC)
	interval, err := truetime.NewInterval(wall.UnixNano()-60_813, wall.UnixNano()+61_595)
	require.NoError(t, err)
	reading := truetime.Reading{Nanos: 1e12, Epoch: 1}
	w := watched{
		state: truetime.Synchronized, number: 151, age: 300,
		report: ntpprobe.Report{
			Instant:  ntpprobe.Instant{Before: reading, After: reading, Wall: wall},
			Interval: interval, Faulty: 1,
			Bound: truetime.Bound{
				At:       reading,
				Earliest: truetime.Line{At: 1e12, Nanos: interval.EarliestUnixNano(), SlopePPB: -3_200},
				Latest:   truetime.Line{At: 1e12, Nanos: interval.LatestUnixNano(), SlopePPB: 27_200},
				Expires:  1e12 + 2*3600e9,
			},
		},
		reach: []reach{{0xff, 8}, {0b0111_1101, 8}, {0xff, 8}, {0b1000, 5}},
	}
	for i, name := range []string{"ntp1.example.net", "[2001:db8::123]:123", "192.0.2.9:11123", "ntp4.example.net"} {
		source := ntpprobe.SourceStatus{Server: ntpprobe.Server{Address: name}, Domain: name, State: ntpprobe.Agreed, Header: &ntpprobe.Header{Stratum: uint8(1 + i)}}
		offset, bound := time.Duration(391-20_000*i), time.Duration(61_204+9_000*i)
		source.Estimate = &ntpprobe.Estimate{Offset: offset, ErrorBound: bound, Delay: bound}
		switch i {
		case 2:
			source.State, source.Reason, source.Detail = ntpprobe.Falseticker, ntpprobe.ReasonOutside, "3.875ms outside what 2 others agree on"
			source.Estimate.Offset = 3_998_000
		case 3:
			source.State, source.Reason, source.Detail = ntpprobe.Unreachable, ntpprobe.ReasonTimeout, "no reply within 1s"
			source.Estimate, source.Header = nil, nil
		}
		w.report.Sources = append(w.report.Sources, source)
	}
	w.forecast = forecasts(w.report)
	for at := 0.0; at <= 300; at += 2 {
		middle := 20_000 * math.Sin(at/40)
		width := 60_000 + 90_000/(1+at/10) + 800*math.Mod(at, 16)
		w.history = append(w.history, termplot.Point{At: at, Low: middle - width, Middle: middle, High: middle + width, Gap: at > 100 && at < 130})
	}
	return w
}

func TestWatchView_Pictures(t *testing.T) {
	lost := atNoon(t)
	lost.state, lost.reason = truetime.Disrupted, &truetime.DisruptedError{Cause: "the machine was suspended for 12 s"}
	lost.report.Err, lost.forecast = lost.reason, forecasts(ntpprobe.Report{Err: lost.reason})
	few := atNoon(t)
	few.report.Err = &truetime.NoQuorumError{Domains: 2, Best: 1, Needed: 3, Faulty: 1}
	few.state, few.reason, few.forecast, few.history = truetime.Unsynchronized, few.report.Err, forecasts(few.report), nil
	first := atNoon(t)
	first.number, first.history, first.state, first.report.Err = 0, nil, truetime.Unsynchronized, truetime.ErrUnsynchronized
	for name, c := range map[string]struct {
		w             watched
		width, height int
		style         watchStyle
	}{
		"80x24": {atNoon(t), 80, 24, watchStyle{}}, "200x60": {atNoon(t), 200, 60, watchStyle{}}, "ascii": {atNoon(t), 80, 24, watchStyle{ascii: true}},
		"tiny": {atNoon(t), 20, 5, watchStyle{}}, "no-quorum": {few, 80, 24, watchStyle{}},
		"disrupted": {lost, 80, 24, watchStyle{}}, "first": {first, 80, 24, watchStyle{}}, "small": {atNoon(t), 40, 10, watchStyle{}},
	} {
		got := strings.Join(c.w.lines(c.width, c.height, c.style), "\n") + "\n"
		file := filepath.Join("testdata", "watch", name+".txt")
		if *updateGolden {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got, name)
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9]+m")

// TestWatchView_FitsEverySize: never a line too long or too many, with or without colours,
// whatever others say; and colours say nothing that is not said without.
func TestWatchView_FitsEverySize(t *testing.T) {
	strange := atNoon(t)
	strange.report.Sources[3].Detail = "lookup: \x1b[2J\t\n時計が遅れています時計が遅れています"
	strange.report.Sources[0].Server.Address = strings.Repeat("a-very-long-name.", 12) + "example.net"
	strange.report.Sources[1].Domain = strange.report.Sources[0].Domain // a warning
	strange.report.Leap = ntpprobe.PendingLeap{Kind: ntpprobe.LeapInsert, At: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	strange.state, strange.reason = truetime.Holdover, &truetime.NoQuorumError{Domains: 1, Needed: 3, Faulty: 1}
	many := atNoon(t)
	for i := range 60 {
		source := many.report.Sources[i%4]
		source.Domain = fmt.Sprint(i)
		many.report.Sources = append(many.report.Sources, source)
		many.reach = append(many.reach, many.reach[i%4])
	}
	for _, w := range []watched{atNoon(t), strange, many} {
		for width := 1; width <= 210; width += 1 + width/8 {
			for height := 1; height <= 70; height += 1 + height/6 {
				plain := w.lines(width, height, watchStyle{})
				require.LessOrEqual(t, len(plain), height)
				for _, line := range plain {
					require.LessOrEqual(t, termplot.Cells(line), width, "%d×%d: %q", width, height, line)
					require.NotContains(t, line, "\x1b")
				}
				colored := w.lines(width, height, watchStyle{colored: true})
				require.Equal(t, strings.Join(plain, "\n"), sgr.ReplaceAllString(strings.Join(colored, "\n"), ""))
			}
		}
	}
	text := strings.Join(strange.lines(200, 40, watchStyle{}), "\n")
	require.Contains(t, text, "clockctl watch  holdover")
	require.Contains(t, text, "leap second  insert at the end of 2026-12-31 UTC")
	require.Contains(t, text, "warning      ")
	require.Contains(t, text, "lookup: ?[2J??時計")
}

// TestWatchView_ManySources: those that are cut away are counted, and the bad ones stay longest.
func TestWatchView_ManySources(t *testing.T) {
	w := atNoon(t)
	for i := range 20 {
		source := w.report.Sources[0]
		source.Domain = fmt.Sprint(i)
		w.report.Sources, w.reach = append(w.report.Sources, source), append(w.reach, w.reach[0])
	}
	lines := w.lines(80, 24, watchStyle{})
	require.Len(t, lines, 24)
	require.Contains(t, lines[23], "more: ")
	text := strings.Join(lines, "\n")
	require.Contains(t, text, "\nx  192.0.2.9:11123")
	require.Contains(t, text, "\n?  ntp4.example.net ")
	require.Contains(t, text, "  3.875ms outside what 2", "the reason is to be read")
	require.Contains(t, text, "  timeout: no reply within 1s\n")
	shown := strings.Count(text, "\n*  ")
	require.Equal(t, fmt.Sprintf("… and %d more: %d agreed", 22-shown, 22-shown), lines[23])
}

// TestForecast_IsTheBoundsOwn: slopes of −3.2 and 27.2 ppm part by 30.4 µs a second.
func TestForecast_IsTheBoundsOwn(t *testing.T) {
	w := atNoon(t)
	require.Equal(t, []forecast{
		{time.Minute, 61_204 + 15_200*60, true},
		{time.Hour, 61_204 + 15_200*3600, true},
	}, w.forecast)
	w.report.Bound.Expires = 1e12 + 1800e9
	list := forecasts(w.report)
	require.True(t, list[0].known)
	require.False(t, list[1].known, "it is not used for so long")
	require.Equal(t, "±973.3 µs after 1 min, no interval after 1 h", humanForecast(list))
	require.Equal(t, "12.000 ppm slow ±15.200 ppm", humanRates(-3200, 27200))
	require.Equal(t, "0.001 ppm slow ±0.001 ppm", humanRates(1, 2), "rounded outward")
}

func TestReach_CountsTheLastEight(t *testing.T) {
	var r reach
	for i, want := range []reachJSON{{1, 1}, {2, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {7, 8}, {7, 8}, {8, 8}} {
		r.add(i != 2)
		require.Equal(t, want, reachJSON{r.usable(), r.asked})
	}
}

func TestWatchPlain_OneLine(t *testing.T) {
	w := atNoon(t)
	require.Equal(t, "12:00:00 Z  clock 391.0 ns slow, less than its error of 61.21 µs; 2 of 4 agree", w.plain())
	w.state = truetime.Holdover
	require.Equal(t, "12:00:00 Z  clock 391.0 ns slow, less than its error of 61.21 µs; 2 of 4 agree; holdover", w.plain())
	w.state, w.report.Err = truetime.Unsynchronized, &truetime.NoQuorumError{Domains: 4, Best: 1, Needed: 2, Faulty: 1}
	require.NotContains(t, w.plain(), "\n")
	require.Contains(t, w.plain(), "12:00:00 Z  clock unknown; unsynchronized: no quorum: ")
}

func TestWatchTerminals_WhatTheyCanShow(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	require.True(t, dumb(env("TERM", "dumb")))
	require.False(t, dumb(env("TERM", "xterm")))
	require.True(t, braille(env("TERM", "xterm")))
	require.True(t, braille(env("TERM", "xterm", "LANG", "de_DE.UTF-8")))
	require.True(t, braille(env("LC_ALL", "C.utf8", "LANG", "C")))
	require.False(t, braille(env("TERM", "xterm", "LANG", "C")))
	require.False(t, braille(env("TERM", "linux", "LANG", "C.UTF-8")))
}

// BenchmarkWatchView: the largest picture of the longest watch.
func BenchmarkWatchView(b *testing.B) {
	w := watched{report: ntpprobe.Report{Err: truetime.ErrUnsynchronized}, age: mostHistory}
	for i := range mostHistory {
		w.history = append(w.history, termplot.Point{At: float64(i), Low: -1, Middle: math.Sin(float64(i)), High: 2})
	}
	for b.Loop() {
		w.lines(200, 60, watchStyle{})
	}
}
