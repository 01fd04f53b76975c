package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/timex/timextest"
)

// TestClockctl_SetsNoClock: the system calls of the built program, whatever the source says, in
// every subcommand that there is.
func TestClockctl_SetsNoClock(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	server, dir := startServer(t, fleet.Config{}), t.TempDir()
	trace, err := filepath.Abs("../../testdata/traces/loopback.ndjson")
	require.NoError(t, err)
	stamp := "1790000000.000000000,7"
	runs := map[string][]string{
		"probe": {"-n", "1", server}, "now": {"--wait", "-n", "1", server}, "wait": {server}, "doctor": {"-n", "1", server},
		"check": {"-w", "1m", "-c", "1h", "-n", "1", server}, "watch": {"--count", "1", "-n", "1", server},
		"record": {filepath.Join(dir, "record"), "--count", "1", "-n", "1", server}, "analyze": {trace}, "plot": {trace, "--term"},
		"matrix":  {"--limit", "1h", peer(t, 0, 0), peer(t, 0, 0)},
		"sources": {"--address", (&chronyctest.Fake{Sources: 1}).Start(t), "-n", "1", server}, "clocks": {"--window", "20ms", "--for", "200ms"},
		"hlc now": {}, "hlc parse": {stamp}, "hlc compare": {stamp, stamp}, "hlc state inspect": {dir}, "hlc state repair": {"--bound", "2026-01-01T00:00:00Z", dir},
		"demo": {"lww"}, "completion": {"bash"}, "man": {filepath.Join(dir, "man")}, "config show": {}, "version": {},
	}
	asked := 0
	var commands []string
	every(newRoot(streams{getenv: os.Getenv}, nil), func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "clockctl ")
		if name == "serve" { // it ends when it is told to
			const script = `"$0" serve --listen 127.0.0.1:0 -n 1 "$1" >"$2" & until grep -q http "$2"; do sleep 0.02; done; kill $!; wait $!`
			asked += timextest.OnlyReads(t, []int{0}, nil, "sh", "-c", script, path, server, filepath.Join(dir, "serve"))
			return
		}
		args, ok := runs[name]
		require.True(t, ok, "%s is not run here", name)
		commands = append(commands, name)
		codes := []int{0}
		if name == "doctor" || strings.HasPrefix(name, "hlc state ") { // whatever it finds
			codes = append(codes, 1)
		}
		asked += timextest.OnlyReads(t, codes, nil, path, append(strings.Fields(name), args...)...)
	})
	require.Len(t, commands, len(runs), "%v", commands)
	require.LessOrEqual(t, asked, 5, "doctor asks once, sources and clocks twice, if the sandbox lets them")
}

// every calls f with each command that does something.
func every(cmd *cobra.Command, f func(*cobra.Command)) {
	if !cmd.HasSubCommands() && cmd.Name() != "help" {
		f(cmd)
	}
	for _, child := range cmd.Commands() {
		every(child, f)
	}
}
