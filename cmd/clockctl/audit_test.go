package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// audited are the commands that do something, each with a command line that ends well and does not last.
var audited = []struct {
	path, args string
	lasts      int // its exit code when SIGINT ends it; -1 if it does not last, or see endsAfter
}{
	{"probe", "-n 1 $H1 $H2 $H3", exitInterrupted},
	{"now", "-n 1 $H1 $H2 $H3", exitInterrupted},
	{"watch", "--count 1 -i 20ms $H1 $H2 $H3", exitGood},
	{"check", "-n 1 -w 1m -c 1h $H1 $H2 $H3", 3},
	{"wait", "--max-uncertainty 1s $H1 $H2 $H3", exitInterrupted},
	{"doctor", "", exitInterrupted},
	{"sources", "--address $CHRONYD", exitInterrupted},
	{"clocks", "--window 20ms", exitInterrupted},
	{"record", "--count 3 -i 20ms $DIR/r.ndjson $H1 $H2 $H3", exitGood},
	{"analyze", "$TRACES/loopback.ndjson", -1},
	{"plot", "--term $TRACES/loopback.ndjson", -1},
	{"matrix", "--limit 1h $PEER1 $PEER2", exitInterrupted},
	{"serve", "--listen 127.0.0.1:0 $H1 $H2 $H3", exitGood},
	{"demo", "lww", exitInterrupted},
	{"hlc now", "", -1},
	{"hlc parse", "1790000000.123456789,7", -1},
	{"hlc compare", "1790000000.123456789,7 1790000000.123456789", -1},
	{"hlc state inspect", "$DIR/state", -1},
	{"hlc state repair", "--bound 2100-01-01T00:00:00Z $DIR/state", -1},
	{"config show", "", -1},
	{"version", "", -1},
	{"completion", "bash", -1},
	{"man", "", -1},
	{"help", "probe", -1},
}

// TestAudit_EveryCommand holds the rules that are the same for all: exit codes, data on stdout and words on stderr, where
// each line begins with the command's name and none is said twice.
func TestAudit_EveryCommand(t *testing.T) {
	env := scriptFleet(t)
	env["DIR"], env["PEER1"], env["PEER2"] = t.TempDir(), peer(t, 0, 0), peer(t, 0, 0)
	savedState(t, env["DIR"]+"/state")
	var paths []string
	for _, row := range audited {
		paths = append(paths, row.path)
		path := strings.Fields(row.path)
		args := append(slices.Clone(path), strings.Fields(os.Expand(row.args, func(name string) string { return env[name] }))...)
		cmd, _, err := newRoot(streams{}, nil).Find(path)
		require.NoError(t, err)
		usage := map[string]int{"check": 3, "wait": 2}[row.path]
		if usage == 0 {
			usage = exitUsage
		}
		t.Run(row.path, func(t *testing.T) {
			code, stdout, stderr := invokeOnce(t.Context(), args...)
			require.Zero(t, code, stderr)
			require.NotEmpty(t, stdout)
			require.Empty(t, stderr)
			auditHelp(t, path)
			auditMistakes(t, cmd, path, args, usage)
			auditFull(t, cmd, path, args)
			if row.lasts >= 0 {
				auditInterrupted(t, row.path, args, row.lasts)
				if slices.Contains(outputsOf(cmd), "json") && row.lasts != exitGood {
					auditInterrupted(t, row.path, append(slices.Clone(args), "-o", "json"), row.lasts)
				}
			}
		})
	}
	for _, cmd := range everyCommand(newRoot(streams{}, nil)) {
		if !cmd.HasSubCommands() {
			require.Contains(t, paths, strings.Join(strings.Fields(cmd.CommandPath())[1:], " "), "a command that nobody audits")
		}
	}
}

func auditHelp(t *testing.T, path []string) {
	code, help, stderr := invoke(t.Context(), append(slices.Clone(path), "--help")...)
	require.Zero(t, code, stderr)
	require.Contains(t, help, "Exit codes: ")
	require.Contains(t, help, "Examples:\n")
	_, same, _ := invoke(t.Context(), append([]string{"help"}, path...)...)
	require.Equal(t, help, same)
}

// auditMistakes of the command line: nothing is done, and an object is printed where one is wanted.
func auditMistakes(t *testing.T, cmd *cobra.Command, path, args []string, usage int) {
	refused := func(want string, more ...string) string {
		code, stdout, stderr := invoke(t.Context(), append(slices.Clone(args), more...)...)
		require.Equal(t, usage, code, "%v: %s%s", more, stdout, stderr)
		require.Regexp(t, `^`+regexp.QuoteMeta("clockctl: "+strings.Join(path, ": ")+": ")+want+`\n$`, spaced(stderr, path))
		if path[0] == "check" { // Nagios wants its line there, too
			stdout = strings.TrimPrefix(stdout, "CLOCK UNKNOWN - "+strings.TrimPrefix(stderr, "clockctl: check: "))
		}
		return stdout
	}
	require.Empty(t, refused("unknown flag: --nonsense; see clockctl .* --help", "--nonsense"))
	known := outputsOf(cmd)
	if known == nil {
		refused("unknown (shorthand )?flag: .*; see clockctl .* --help", "-o", "json")
		return
	}
	for _, format := range []string{"table", "wide", "json", "ndjson", "csv", "yaml", ""} {
		if !slices.Contains(known, format) {
			require.Empty(t, refused(`unknown output "`+format+`"; use `+strings.Join(known, ", "), "--output="+format))
		}
	}
	for _, format := range []string{"json", "ndjson"} {
		if slices.Contains(known, format) {
			object := refused("unknown flag: --nonsense; see .*", "-o", format, "--nonsense")
			require.Contains(t, object, `"error":{"code":"usage","message":"unknown flag: --nonsense; see`)
			require.Equal(t, 1, strings.Count(object, "\n"), object)
			require.NoError(t, checkPrinted(append(slices.Clone(path), "-o", format), object))
		}
	}
	if slices.Contains(known, "json") {
		refused("--json and -o table contradict each other", "--json", "-o", "table")
	}
}

// spaced gives the name of a subcommand's subcommand, "hlc now", the colons that the pattern has.
func spaced(stderr string, path []string) string {
	return strings.Replace(stderr, strings.Join(path, " "), strings.Join(path, ": "), 1)
}

// fullDisk is a disk without space.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// auditFull: what cannot be printed is said, once, in every format.
func auditFull(t *testing.T, cmd *cobra.Command, path, args []string) {
	formats := [][]string{nil}
	for _, format := range outputsOf(cmd) {
		formats = append(formats, []string{"-o", format})
	}
	for _, format := range formats {
		var stderr bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		code := run(ctx, append(slices.Clone(args), format...), streams{in: strings.NewReader(""), out: fullDisk{}, err: &stderr, getenv: func(string) string { return "" }})
		require.NoError(t, ctx.Err(), "%v: it goes on though nobody can read it", format)
		cancel()
		require.Contains(t, []int{exitBad, 3}, code, "%v: %s", format, stderr.String())
		require.Equal(t, path[0] == "check", code == 3, format)
		require.Equal(t, "clockctl: "+strings.Join(path, " ")+": write /dev/stdout: no space left on device\n", stderr.String(), format)
	}
}

// auditInterrupted: a signal at the first moment.
func auditInterrupted(t *testing.T, path string, args []string, want int) {
	for signal, code := range map[os.Signal]int{os.Interrupt: exitInterrupted, syscall.SIGTERM: exitTerminated} {
		if want != exitInterrupted {
			code = want
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(&interruptedError{signal})
		got, stdout, stderr := invoke(ctx, args...)
		require.Equal(t, code, got, "%v\n%s%s", signal, stdout, stderr)
		if code != exitGood {
			require.Equal(t, "clockctl: "+path+": interrupted by signal "+signal.String()+"\n", stderr)
		}
		if slices.Contains(args, "json") {
			require.Contains(t, stdout, `"error":{"code":"interrupted","message":"interrupted by signal `+signal.String()+`"}`)
			require.NoError(t, checkPrinted(args, stdout))
		}
	}
}

// TestAudit_WhatHangsIsInterrupted all the same: it reads a pipe into which nobody writes, or computes.
func TestAudit_WhatHangsIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptedError{syscall.SIGTERM})
	var stderr bytes.Buffer
	hang := make(chan struct{})
	defer close(hang)
	require.Equal(t, exitTerminated, endsAfter(ctx, time.Millisecond, []string{"--config", "x", "hlc", "state", "inspect", "fifo"}, streams{err: &stderr}, func() int { <-hang; return 0 }))
	require.Equal(t, "clockctl: hlc state inspect: interrupted by signal terminated\n", stderr.String())
	require.Equal(t, 7, endsAfter(ctx, time.Minute, nil, streams{}, func() int { return 7 }), "what ends in time has its own code")
	require.Equal(t, 7, endsAfter(t.Context(), 0, nil, streams{}, func() int { return 7 }))
}

// TestAudit_EveryVariable: each setting of each command is taken from its variable, as it would be typed, and
// a mistake there names it.
func TestAudit_EveryVariable(t *testing.T) {
	wrong := map[string]string{"bool": "maybe", "int": "four", "uint64": "-1", "duration": "5", "rate": "fast", "size": "10XB", "float64": "x"}
	for _, cmd := range everyCommand(newRoot(streams{}, nil)) {
		for _, s := range settingsOf(cmd) {
			for _, key := range []string{s.own, s.shared} {
				if key == "" {
					continue
				}
				m := newMachine(t)
				path := strings.Fields(cmd.CommandPath())[1:]
				if !defaultInWords.MatchString(s.flag.Usage) {
					m.env[variable(key)] = s.flag.DefValue
				}
				if f := m.configured(path...).Flags().Lookup(s.flag.Name); s.flag.DefValue != "" && !defaultInWords.MatchString(s.flag.Usage) {
					require.Equal(t, origin{"environment", variable(key)}, originOf(f), key)
				}
				bad := wrong[s.flag.Value.Type()]
				if bad == "" {
					require.Contains(t, []string{"string", "stringSlice", "names"}, s.flag.Value.Type(), "%s: a type of flags without a row in this test", key)
					continue
				}
				m.env[variable(key)] = bad
				code, _, stderr := m.run(path...)
				require.Contains(t, []int{exitUsage, 2, 3}, code, key)
				require.Contains(t, stderr, "clockctl: "+strings.Join(path, " ")+": "+variable(key)+": invalid argument ", key)
				require.Equal(t, 1, strings.Count(stderr, "\n"), key)
			}
		}
	}
}
