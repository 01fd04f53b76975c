package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/clocks"
)

// scene is a machine to which things are done at given moments, in virtual time.
type scene struct {
	began               time.Time
	wall, slept, slewed func(since time.Duration) time.Duration
}

func never(time.Duration) time.Duration { return 0 }

// from returns d from a moment on.
func from(at, d time.Duration) func(time.Duration) time.Duration {
	return func(since time.Duration) time.Duration {
		if since < at {
			return 0
		}
		return d
	}
}

func (m *scene) read() (clocks.Sandwich, error) {
	since := time.Since(m.began)
	raw := int64(1000*time.Second + since)
	mono := raw + int64(m.slewed(since))
	boot := mono + int64(m.slept(since))
	wall := boot + 1_790_000_000e9 + int64(m.wall(since))
	return clocks.Sandwich{
		Raw: [2]int64{raw, raw + 700}, Boot: [2]int64{boot + 100, boot + 600}, Real: [2]int64{wall + 200, wall + 500}, Mono: mono + 300, TAI: wall + 400 + 37e9,
	}, nil
}

// runClocks runs the command on a machine, in virtual time.
func runClocks(t *testing.T, m scene, f clocksFlags) (stdout string) {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		m.began = time.Now()
		f.read, f.kernel = m.read, func() kernelState { return kernelState{err: errors.New("timex: not asked"), source: "pendulum"} }
		require.NoError(t, f.run(t.Context(), streams{out: &out}))
	})
	return out.String()
}

// TestClocks_Events: what is done to the machine is told once, in words and as objects, and
// a rate that a step disturbed is not told.
func TestClocks_Events(t *testing.T) {
	slew := func(since time.Duration) time.Duration { return min(max(since-6*time.Second, 0), 2*time.Second) / 2000 } // 500 ppm for 2 s
	m := scene{wall: from(450*time.Millisecond, -time.Hour), slept: from(4*time.Second, 10*time.Second), slewed: slew}
	stdout := runClocks(t, m, clocksFlags{window: time.Second, watch: 10 * time.Second, output: "table"})
	require.Regexp(t, `(?m)^REALTIME .* disturbed\nMONOTONIC .*ppm\n`, stdout)
	require.Regexp(t, `(?m)^2026-.* Z  step     the wall clock was set 3600 s back \(±[\d.]+ ns\)$`, stdout)
	require.Regexp(t, `(?m)^2026-.* Z  suspend  the machine slept for 10.00 s \(±[\d.]+ ns\)$`, stdout)
	require.Regexp(t, `(?m)^2026-.* Z  slew     the clocks run (499|500)\.\d+ ppm \(±[\d.]+\) faster than RAW$`, stdout)
	require.Regexp(t, `(?m)^2026-.* Z  slew_end over after 2\.\d+ s, moved the clocks (999\.\d|1\.000) .s forward \(±[\d.]+ .s\)$`, stdout)
	require.Equal(t, 4, strings.Count(stdout, " Z  s"), stdout)
	require.Less(t, strings.Index(stdout, "sandwich"), strings.Index(stdout, "Z  step"), "behind what the window measured")

	stdout = runClocks(t, m, clocksFlags{window: time.Second, watch: 10 * time.Second, output: "ndjson"})
	require.Regexp(t, `(?m)^{"schema":"clockctl/v1","type":"event","event":"step","at":"2026-[^"]*Z","within_ns":\d+,"size_ns":-36\d{11},"error_ns":\d+,"rate_ratio":null,"rate_error_ratio":null,"for_ns":null}$`, stdout)
	require.Regexp(t, `(?m)^{"schema":"clockctl/v1","type":"event","event":"slew","at":"[^"]*","within_ns":\d+,"size_ns":null,"error_ns":null,"rate_ratio":0.000(5|499)`, stdout)
	require.Regexp(t, `{"clock":"REALTIME","against":"RAW","rate_ratio":null,"error_ratio":null}`, stdout)
	require.Regexp(t, `{"clock":"RAW","against":"BOOTTIME","rate_ratio":-?[\d.e-]+,`, stdout, "undisturbed")
	require.Regexp(t, `(?m)^{"schema":"clockctl/v1","type":"result","watched_ns":1\d{10},"events":4,"slewing":null}$`, stdout)

	stdout = runClocks(t, m, clocksFlags{window: time.Second, watch: 10 * time.Second, output: "json"})
	require.Equal(t, 1, strings.Count(stdout, "\n"))
	require.Regexp(t, `(?m)"kernel":null,"events":\[{"event":"step",.*{"event":"suspend",.*{"event":"slew",.*{"event":"slew_end",.*\],"watched_ns":1\d{10},"slewing":null}$`, stdout)
}

// TestClocks_ASlewThatIsStillOn is told at the end.
func TestClocks_ASlewThatIsStillOn(t *testing.T) {
	m := scene{wall: never, slept: never, slewed: func(since time.Duration) time.Duration { return -since / 12 }} // 83333 ppm
	stdout := runClocks(t, m, clocksFlags{window: time.Second, watch: time.Second, output: "table"})
	require.Regexp(t, `(?m)^still        the clocks run 83333\.\d+ ppm \(±[\d.]+\) slower than RAW, for 2\.\d+ s, moved 16\d\.\d ms back \(±[\d.]+ .s\) so far$`, stdout)
	stdout = runClocks(t, m, clocksFlags{window: time.Second, output: "json"})
	require.Regexp(t, `(?m)"slewing":{"event":"slew",.*"size_ns":-\d+,.*"for_ns":\d+}}$`, stdout)
}

// TestClocks_Interrupted in the window: what is known is printed.
func TestClocks_Interrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { cancel(&interruptedError{signal: os.Interrupt}) })
		m := scene{began: time.Now(), wall: never, slept: never, slewed: never}
		var out bytes.Buffer
		f := clocksFlags{window: time.Hour, watch: time.Hour, output: "table", read: m.read, kernel: readKernelState}
		require.NoError(t, f.run(ctx, streams{out: &out}))
		require.Contains(t, out.String(), "rates over 2.000 s\n")
		require.Equal(t, 2*time.Second, time.Since(m.began), "it does not wait on")
		for _, f.output = range []string{"json", "ndjson"} {
			out.Reset()
			require.NoError(t, f.run(ctx, streams{out: &out}))
			require.Contains(t, out.String(), `"error":{"code":"interrupted",`)
		}
	})
}

// TestClocks_AClockThatFails ends the command with an object and an error.
func TestClocks_AClockThatFails(t *testing.T) {
	f := clocksFlags{window: time.Second, output: "json", kernel: readKernelState, read: func() (clocks.Sandwich, error) {
		return clocks.Sandwich{}, errors.New("clocks: RAW cannot be read: refused")
	}}
	err := f.run(t.Context(), streams{out: &bytes.Buffer{}})
	require.ErrorContains(t, err, "RAW cannot be read")
	require.Equal(t, exitBad, exitCode(err))
	require.NotNil(t, clocksFailure("ndjson", err))
	require.Nil(t, clocksFailure("table", err))
}

// TestClocks_NobodyReads: it ends when an event cannot be written.
func TestClocks_NobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := scene{began: time.Now(), wall: from(5*time.Second, time.Second), slept: never, slewed: never}
		f := clocksFlags{window: time.Second, watch: time.Hour, output: "ndjson", read: m.read, kernel: readKernelState}
		err := f.run(t.Context(), streams{out: &full{lines: 1}})
		require.EqualError(t, err, "no space left")
		require.Less(t, time.Since(m.began), 6*time.Second)
	})
}

// full is a disk with room for some lines.
type full struct{ lines int }

func (w *full) Write(b []byte) (int, error) {
	if w.lines == 0 {
		return 0, errors.New("no space left")
	}
	w.lines--
	return len(b), nil
}
