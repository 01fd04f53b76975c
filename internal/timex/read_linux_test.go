package timex

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRead_OfThisMachine: plausible, whoever keeps its clock.
func TestRead_OfThisMachine(t *testing.T) {
	k, err := Read()
	if err != nil {
		t.Skip(err)
	}
	require.WithinDuration(t, time.Now(), k.Wall, time.Minute)
	require.GreaterOrEqual(t, k.State, OK)
	require.LessOrEqual(t, k.State, Error)
	require.Less(t, k.TickRatio, 0.11)
	require.Greater(t, k.TickRatio, -0.11)
}

// reads are the system calls on clocks that change nothing.
var reads = regexp.MustCompile(`^((clock_gettime|clock_getres|clock_nanosleep|gettimeofday|time)\(|\w+\((CLOCK_REALTIME, )?\{modes=0, |\+\+\+ |--- )`)

// TestRead_ChangesNothing looks at the system calls themselves.
func TestRead_ChangesNothing(t *testing.T) {
	if os.Getenv("TIMEX_READ") != "" {
		_, err := Read()
		require.NoError(t, err)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		absent(t, "strace is not installed")
	}
	if _, err := Read(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir() // a file for each thread, so that no call is torn
	cmd := exec.CommandContext(t.Context(), strace, "-ff", "-o", filepath.Join(dir, "calls"), "-e", "trace=%clock", os.Args[0], "-test.run=^TestRead_ChangesNothing$")
	cmd.Env = append(os.Environ(), "TIMEX_READ=1")
	if output, err := cmd.CombinedOutput(); err != nil {
		absent(t, "strace cannot trace here: "+string(output))
	}
	files, err := filepath.Glob(filepath.Join(dir, "calls.*"))
	require.NoError(t, err)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			require.Regexp(t, reads, line, "a call that may set a clock")
			seen += strings.Count(line, "{modes=0, ")
		}
	}
	require.Equal(t, 1, seen)
}

// TestReads_TheRuleCanFail feeds the pattern what it must refuse.
func TestReads_TheRuleCanFail(t *testing.T) {
	for _, bad := range []string{
		"adjustment({modes=ADJ_FREQUENCY, offset=0", "adjustment({modes=0x8001, offset=0", "clock_set(CLOCK_REALTIME, {tv_sec=1", "settime({tv_sec=1",
		"adjustment(CLOCK_REALTIME, {modes=ADJ_SETOFFSET, ", "times({tms_utime=1",
	} {
		require.NotRegexp(t, reads, bad)
	}
	for _, good := range []string{"adjustment({modes=0, offset=0", "clock_gettime(CLOCK_MONOTONIC_RAW, ", "clock_nanosleep(CLOCK_", "+++ exited with 0 +++"} {
		require.Regexp(t, reads, good)
	}
}

// absent skips a test, or fails it if everything is required to be there.
func absent(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("TRUECLOCK_REQUIRE") == "all" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
