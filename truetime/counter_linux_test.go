//go:build amd64 || arm64

package truetime

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// calibrated returns the counter clock of this machine once it counts, or skips.
func calibrated(t testing.TB) (strict LocalClock, c *CounterClock) {
	t.Helper()
	strict, err := NewLocalClock()
	require.NoError(t, err)
	c, err = NewCounterClock(strict, 0)
	if errors.Is(err, ErrNoCounter) {
		if list := strings.Split(os.Getenv("TRUECLOCK_REQUIRE"), ","); slices.Contains(list, "counter") {
			t.Fatal(err)
		}
		t.Skip(err) // "all" means what one can install, and a CPU is not of that kind
	}
	require.NoError(t, err)
	for deadline := time.Now().Add(20 * time.Second); c.Doubt() != nil; {
		_, err := c.Read()
		require.NoError(t, err)
		require.True(t, time.Now().Before(deadline), "%v", c.Doubt())
	}
	return strict, c
}

// TestCounter_RunsOn on the thread that reads it, wherever that thread is moved.
func TestCounter_RunsOn(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first := counter()
	last := first
	for range 100_000 {
		now := counter()
		require.GreaterOrEqual(t, now, last)
		last = now
	}
	require.Greater(t, last, first)
}

func TestCounterClock_TheRealOne(t *testing.T) {
	strict, c := calibrated(t)
	checkFollows(t, strict, c)
	require.NoError(t, c.Doubt())
	require.Zero(t, testing.AllocsPerRun(10_000, func() { _, _ = c.Read() }))
	clock := served(t, strict, c)
	require.Zero(t, testing.AllocsPerRun(10_000, func() { _, _ = clock.Now() }))
}

// TestEvidence_FailsClosed: whatever is missing is named.
func TestEvidence_FailsClosed(t *testing.T) {
	const (
		good = "processor\t: 0\nflags\t\t: fpu tsc rdtscp constant_tsc nonstop_tsc\n"
		arm  = "processor\t: 0\nCPU part\t: 0xd0c\n"
	)
	for _, c := range []struct {
		why, source, cpuinfo, timer string
		arm                         bool
		missing                     string // "" if it is trusted
	}{
		{why: "a PC whose kernel trusts it", source: "tsc", cpuinfo: good + good},
		{why: "the kernel did not say", cpuinfo: good, missing: "no such file"},
		{why: "the kernel left it", source: "hpet", cpuinfo: good, missing: `tsc as the kernel's clock source (it uses "hpet")`},
		{why: "the kernel is not through with it", source: "tsc-early", cpuinfo: good, missing: "tsc-early"},
		{why: "it changes with the frequency", source: "tsc", cpuinfo: strings.Replace(good, " constant_tsc", "", 1), missing: "constant_tsc"},
		{why: "it stops in deep sleep", source: "tsc", cpuinfo: strings.Replace(good, " nonstop_tsc", "", 1), missing: "nonstop_tsc"},
		{why: "it cannot be read in order", source: "tsc", cpuinfo: strings.Replace(good, " rdtscp", "", 1), missing: "rdtscp"},
		{why: "one CPU of two", source: "tsc", cpuinfo: good + strings.Replace(good, "constant_tsc", "constant_tscx", 1), missing: "constant_tsc"},
		{why: "nothing known of the CPUs", source: "tsc", cpuinfo: "processor : 0\n", missing: "flags"},
		{why: "an arm64 server", arm: true, source: "arch_sys_counter", cpuinfo: arm},
		{why: "with an erratum of the timer", arm: true, source: "arch_sys_counter", cpuinfo: arm, timer: "fsl,erratum-a008585", missing: "fsl,erratum-a008585"},
		{why: "with a core that has one", arm: true, source: "arch_sys_counter", cpuinfo: arm + "CPU part : 0xd09\n", missing: "Cortex-A73"},
		{why: "nothing known of its cores", arm: true, source: "arch_sys_counter", cpuinfo: "", missing: "parts"},
	} {
		dir := t.TempDir()
		e := evidence{clocksource: filepath.Join(dir, "source"), cpuinfo: filepath.Join(dir, "cpuinfo"), timer: filepath.Join(dir, "timer", "*")}
		if c.source != "" {
			require.NoError(t, os.WriteFile(e.clocksource, []byte(c.source+"\n"), 0o600))
		}
		require.NoError(t, os.WriteFile(e.cpuinfo, []byte(c.cpuinfo), 0o600))
		if c.timer != "" {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "timer", c.timer), 0o700))
		}
		want, flaw := "tsc", tscFlaw
		if c.arm {
			want, flaw = "arch_sys_counter", genericTimerFlaw
		}
		err := e.check(want, flaw)
		if c.missing == "" {
			require.NoError(t, err, c.why)
			continue
		}
		require.ErrorIs(t, err, ErrNoCounter, c.why)
		require.ErrorContains(t, err, c.missing, c.why)
	}
}

func TestNewCounterClock_FollowsOnlyTheStrictClock(t *testing.T) {
	_, err := NewCounterClock(NewPortableClock(), 0)
	require.ErrorIs(t, err, ErrNoCounter)
	_, err = NewCounterClock(nil, 0)
	require.ErrorIs(t, err, ErrNoCounter)
}

// BenchmarkCounter is the same on the counter clock, once that is calibrated.
func BenchmarkCounter(b *testing.B) {
	strict, counter := calibrated(b)
	benchNow(b, strict, counter)
}

// BenchmarkCounterParallel shows, with -cpu 1,2,…, that readers do not get in
// each other's way.
func BenchmarkCounterParallel(b *testing.B) {
	strict, counter := calibrated(b)
	c := served(b, strict, counter)
	b.ReportAllocs()
	b.ResetTimer() // the calibration took a while
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = c.Now()
		}
	})
}
