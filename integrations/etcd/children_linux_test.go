package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestChildren_EndWithTheProgram, though it was killed, and one of them is stopped and sees no end of its input.
func TestChildren_EndWithTheProgram(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	program := exec.Command(self, "program", "-for", "10s", "-clients", "2")
	program.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	defer func() { _ = program.Wait() }()
	defer func() { _ = program.Process.Kill() }()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "which leads, is stopped") {
	}
	children := childrenOf(t, program.Process.Pid)
	require.Len(t, children, 3)
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(children, func(pid int) bool { return stateOf(pid) == "T" })
	}, 20*time.Second, 20*time.Millisecond, "none is stopped")

	require.NoError(t, program.Process.Kill())
	require.Eventually(t, func() bool {
		return !slices.ContainsFunc(children, func(pid int) bool { return stateOf(pid) != "" && stateOf(pid) != "Z" })
	}, 20*time.Second, 20*time.Millisecond)
}

// childrenOf returns the processes that a process has started.
func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range all {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(t, err)
		if fields := statOf(pid); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stateOf returns R, S, T, Z and so on; "" if there is no such process.
func stateOf(pid int) string {
	if fields := statOf(pid); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// statOf returns what the kernel says of a process after its name: the state, the parent, and more.
func statOf(pid int) []string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}
