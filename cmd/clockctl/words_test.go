package main

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

func TestHumanDuration_FourDigitsAndAUnit(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0.000 ns": 0, "391.0 ns": 391, "59.99 µs": 59_988, "3.998 ms": 3_998_000, "12.00 s": 12 * time.Second, "1000 s": 1000 * time.Second,
		"1.000 µs": 1000, "999.0 ns": 999, "100.0 µs": 99_996, "-3.998 ms": -3_998_000, "10.00 ms": 9_999_600, "9223372037 s": 1<<63 - 1,
	} {
		require.Equal(t, want, humanDuration(d), "%d ns", d)
	}
}

func TestHumanOffset_SaysSlowOrFast(t *testing.T) {
	require.Equal(t, "4.000 ms slow", humanOffset(4*time.Millisecond))
	require.Equal(t, "4.000 ms fast", humanOffset(-4*time.Millisecond))
	require.Equal(t, "0 ns", humanOffset(0))
	require.Equal(t, "1.000 ms slow, less than its error of 2.000 ms", humanLocal(time.Millisecond, 2*time.Millisecond))
	require.Equal(t, "5.000 ms fast, certainly by at least 3.000 ms", humanLocal(-5*time.Millisecond, 2*time.Millisecond))
}

// TestHumanLocal_NeverClaimsMoreThanIsTrue: what is certain is rounded down, an error up.
func TestHumanLocal_NeverClaimsMoreThanIsTrue(t *testing.T) {
	require.Equal(t, "5.000 ms slow, certainly by at least 4.939 ms", humanLocal(5*time.Millisecond, 60_001))
	require.Equal(t, "1.000 µs fast, less than its error of 61.21 µs", humanLocal(-1000, 61_204))
	require.Equal(t, "61.21 µs", humanBound(61_204))
	require.Equal(t, "61.20 µs", humanBound(61_200))
	require.Equal(t, "2.001", ppmBound(2.0004e-6), "a rate's error, too")
	require.Equal(t, "45.000", ppmBound(45e-6), "what the arithmetic adds is none")
	require.Equal(t, []string{"+0.000", "-0.001", "+2.000"}, []string{ppmSigned(-4e-10), ppmSigned(-6e-10), ppmSigned(2e-6)})
	for range 1000 {
		d := time.Duration(rand.Int64() >> rand.IntN(63))
		require.GreaterOrEqual(t, upward(d), d)
		require.LessOrEqual(t, downward(d), d)
		require.LessOrEqual(t, d-downward(d), d/1000)
	}
}

// TestFirstLine_IsText: an error may quote whoever answered, and what fails twice is told once.
func TestFirstLine_IsText(t *testing.T) {
	full := errors.New("the disk is full")
	require.Equal(t, "the disk is full", firstLine(errors.Join(full, full)))
	require.Equal(t, "200 \ufffd[31mRED\ufffd\ufffd; no", firstLine(errors.New("200 \x1b[31mRED\r\u009b\nno")))
}

// TestKernelGain_IsUnknownWithoutAStamp: a dash and null, not a gain of nothing.
func TestKernelGain_IsUnknownWithoutAStamp(t *testing.T) {
	s := ntpprobe.SourceStatus{Server: ntpprobe.Server{Address: "192.0.2.1"}, Estimate: &ntpprobe.Estimate{}}
	shown := func() string { cells := wideCells(s); return cells[len(cells)-1] }
	require.Equal(t, "-", shown())
	require.Nil(t, newSourceJSON(s).KernelGain)
	s.Estimate.KernelGain = 43 * time.Microsecond
	require.Equal(t, "43.00 µs", shown())
	require.Equal(t, int64(43_000), *newSourceJSON(s).KernelGain)
}

func TestHumanEnd_NamesWhatMatters(t *testing.T) {
	end := truetime.End{Source: "a:123", Delay: time.Millisecond, Rounding: 22_891, Ageing: 500, Disagreement: -20 * time.Microsecond}
	require.Equal(t, "bound by a:123: 1.000 ms half the round trip, 22.89 µs rounding, 500.0 ns ageing; 20.00 µs taken away by the other servers", humanEnd(end))
	require.Equal(t, "12.345 ppm slow", humanRate(12_345))
	require.Equal(t, "0.015 ppm fast", humanRate(-15))
	require.Equal(t, "0 ppm", humanRate(0))
}

func TestHumanSpan_RoundsOutwardAndLeavesOutWhatIsShared(t *testing.T) {
	at := time.Date(2026, 11, 23, 7, 36, 45, 353_951_498, time.UTC)
	for want, to := range map[string]time.Time{
		"2026-11-23 07:36:45.353951 Z … 45.354074 Z":                  at.Add(122 * time.Microsecond), // 45.354073498
		"2026-11-23 07:36:45.353951 Z … 45.353952 Z":                  at,
		"2026-11-23 07:36:45.353951 Z … 07:37:00.353952 Z":            at.Add(15 * time.Second),
		"2026-11-23 07:36:45.353951 Z … 2026-11-24 07:36:45.353952 Z": at.Add(24 * time.Hour),
	} {
		require.Equal(t, want, humanSpan(at, to))
	}
	require.Equal(t, "2026-11-23T07:36:45.353951498Z", jsonTime(at.In(time.FixedZone("x", 3600))))
}

func TestRate_Spellings(t *testing.T) {
	for text, want := range map[string]ppb{"200": 200_000, "200ppm": 200_000, "15ppb": 15, "0.5ppm": 500, "0.1ppb": 1, "1e2": 100_000} {
		var p ppb
		require.NoError(t, p.Set(text), text)
		require.Equal(t, want, p, text)
	}
	for _, bad := range []string{"", "ppm", "-1", "0", "NaN", "Inf", "200000", "1ppt", "ten"} {
		require.Error(t, new(ppb).Set(bad), bad)
	}
	require.Equal(t, "200ppm", ppb(200_000).String())
	require.Equal(t, "1500ppb", ppb(1500).String())
}
