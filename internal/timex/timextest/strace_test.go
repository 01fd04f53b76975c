package timextest

import (
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReads_TheRuleCanFail feeds the pattern what it must refuse. The names of the calls are made up
// where the true ones may not be written here.
func TestReads_TheRuleCanFail(t *testing.T) {
	for _, bad := range []string{
		"adjustment({modes=ADJ_FREQUENCY, offset=0", "adjustment({modes=0x8001, offset=0", "clock_set(CLOCK_REALTIME, {tv_sec=1", "settime({tv_sec=1",
		"adjustment(CLOCK_REALTIME, {modes=ADJ_SETOFFSET, ", "times({tms_utime=1", "adjustment( <unfinished ...>", "",
	} {
		require.NotRegexp(t, reads, bad)
	}
	for _, good := range []string{"adjustment({modes=0, offset=0", "clock_gettime(CLOCK_MONOTONIC_RAW, ", "clock_nanosleep(CLOCK_", "+++ exited with 0 +++"} {
		require.Regexp(t, reads, good)
	}
}

// TestOnlyReads_SeesACall that might set the clock and is refused: its argument is nowhere.
func TestOnlyReads_SeesACall(t *testing.T) {
	perl, err := exec.LookPath("perl")
	if err != nil || runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" {
		t.Skip("it needs perl, and the number of the call on linux/amd64")
	}
	all := calls(t, []int{0}, nil, perl, "-e", "syscall(159, 0)")
	require.True(t, slices.ContainsFunc(all, func(line string) bool { return !reads.MatchString(line) }), "%q", all)
}

func TestOnlyReads_OfAProgram(t *testing.T) {
	require.Zero(t, OnlyReads(t, []int{0}, nil, "true"))
	require.Zero(t, OnlyReads(t, []int{3}, []string{"TIMEXTEST=3"}, "sh", "-c", "exit $TIMEXTEST"))
}
