// Package timextest lets tests see that a program only reads clocks: it looks at the
// program's system calls.
package timextest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reads are the system calls on clocks that change nothing; whatever else strace's class %clock
// holds, or will hold, is taken for a call that sets one. (??? is of a thread that ended with the process before strace could look.)
var reads = regexp.MustCompile(`^((clock_gettime|clock_getres|clock_nanosleep|gettimeofday|time)\(|\w+\((CLOCK_REALTIME, )?\{modes=0, |\+\+\+ |--- |\?\?\?\( <unfinished)`)

// OnlyReads runs a program under strace, in this process's environment and with env, and fails the
// test if one of its threads, or of a program that it starts, makes a call that could set a clock. It
// returns how often the kernel was asked how its clock is kept. codes are the exit codes that the
// program may end with. Where strace is missing or may not trace the test is skipped, or fails if
// TRUECLOCK_REQUIRE is "all".
func OnlyReads(t *testing.T, codes []int, env []string, name string, args ...string) (asked int) {
	t.Helper()
	for _, line := range calls(t, codes, env, name, args...) {
		require.Regexp(t, reads, line, "a call that may set a clock")
		asked += strings.Count(line, "{modes=0, ")
	}
	return asked
}

// calls are the system calls on clocks of a program.
func calls(t *testing.T, codes []int, env []string, name string, args ...string) (all []string) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		absent(t, "strace is not installed (Debian: apt-get install strace)")
	}
	if output, err := exec.CommandContext(t.Context(), strace, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		absent(t, "strace may not trace here: "+string(output))
	}
	dir := t.TempDir() // a file for each thread, so that no call is torn
	cmd := exec.CommandContext(t.Context(), strace, append([]string{"-ff", "-o", filepath.Join(dir, "calls"), "-e", "trace=%clock", name}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	require.Contains(t, codes, cmd.ProcessState.ExitCode(), string(output))
	files, err := filepath.Glob(filepath.Join(dir, "calls.*"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all = slices.AppendSeq(all, strings.Lines(string(text)))
	}
	return all
}

// absent skips a test, or fails it if everything is required to be there.
func absent(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("TRUECLOCK_REQUIRE") == "all" {
		t.Fatal(reason + ", and TRUECLOCK_REQUIRE asks for it")
	}
	t.Skip(reason)
}
