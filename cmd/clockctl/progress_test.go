//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/terminal/terminaltest"
)

// TestProgress_FitsTheTerminal: of a line that wraps only the end could be erased. A terminal that cannot
// erase sees nothing of it.
func TestProgress_FitsTheTerminal(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	mute := startServer(t, fleet.Config{Reply: fleet.Silent})
	for term, shown := range map[string]bool{"xterm": true, "dumb": false} {
		s := terminaltest.Sit(t, 40, 10)
		s.Start([]string{"TERM=" + term}, path, "wait", "--timeout", "1500ms", "--exchange-timeout", "50ms", "-i", "20ms", mute)
		_ = s.Cmd.Wait()
		require.Equal(t, exitTimedOut, s.Cmd.ProcessState.ExitCode())
		seen := s.Sees("timed out after 1.5s")
		progress, _, found := strings.Cut(seen, "\r\x1b[Kclockctl: wait: timed out")
		require.Equal(t, shown, found, "%q", seen)
		if !shown {
			require.NotContains(t, seen, "\x1b")
			continue
		}
		for _, line := range strings.Split(progress, "\r\x1b[K")[1:] {
			require.Less(t, utf8.RuneCountInString(line), 40)
			require.Regexp(t, `^clockctl: wait: no .*…$`, line)
		}
	}
}

// TestTargets_Interrupted: a person who waits for standard input types Ctrl-C once.
func TestTargets_Interrupted(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	nobodyWrites, writer, err := os.Pipe()
	require.NoError(t, err)
	defer writer.Close()
	defer nobodyWrites.Close()
	cmd := exec.CommandContext(t.Context(), path, "probe", "-o", "json", "-f", "-", startServer(t, fleet.Config{}))
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nobodyWrites, &stdout, &stderr
	require.NoError(t, cmd.Start())
	_, err = writer.WriteString(strings.Repeat("#\n", 1<<20)) // more than a pipe holds: it reads, so it notices signals
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, cmd.Wait())
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	require.Equal(t, "clockctl: probe: interrupted by signal interrupt\n", stderr.String())
	require.Contains(t, stdout.String(), `"error":{"code":"interrupted",`)
	require.NoError(t, checkPrinted([]string{"probe", "-o", "json"}, stdout.String()))
}

// fullAfter is a disk with room for so many writes.
type fullAfter struct {
	io.Writer
	room int
}

func (f *fullAfter) Write(b []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errors.New("no space left on device")
	}
	return f.Writer.Write(b)
}

// TestSurvey_AFullDiskEndsIt: nobody would see the other targets, so they are not asked, and it is said once.
func TestSurvey_AFullDiskEndsIt(t *testing.T) {
	target, err := fleet.Start(fleet.Config{})
	require.NoError(t, err)
	defer target.Close()
	for _, format := range []string{"table", "ndjson"} {
		before := target.Requests()
		var stdout, stderr bytes.Buffer
		s := streams{in: strings.NewReader(strings.Repeat(target.Addr()+"\n", 5000)), out: &fullAfter{&stdout, 20}, err: &stderr, getenv: func(string) string { return "" }}
		code := run(t.Context(), []string{"probe", "-n", "1", "-o", format, "-f", "-", "--timeout", "5s", startServer(t, fleet.Config{})}, s)
		require.Equal(t, exitBad, code)
		require.Equal(t, "clockctl: probe: no space left on device\n", stderr.String())
		require.Less(t, target.Requests()-before, 4000, format)
	}
}

// TestSurvey_Interrupted: what is known is printed, and that it is not all.
func TestSurvey_Interrupted(t *testing.T) {
	path, err := program()
	require.NoError(t, err)
	honest, mute := startServer(t, fleet.Config{}), startServer(t, fleet.Config{Reply: fleet.Silent})
	for format, want := range map[string]string{
		"ndjson": `"type":"summary","targets":2,"agreed":1,"falseticker":0,"rejected":0,"unreachable":0,.*"error":\{"code":"interrupted","message":"interrupted by signal terminated"\}\}\n$`,
		"table":  `\ntargets      1 of 2: 1 agree with the interval, 0 are outside, 0 gave nothing usable, 0 were not reached; 1 samples\n`,
	} {
		cmd := exec.CommandContext(t.Context(), path, "probe", "-n", "1", "--timeout", "1h", "-o", format, "-f", "-", startServer(t, fleet.Config{}))
		cmd.Stdin = strings.NewReader(honest + "\n" + mute + "\n")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		var seen []byte
		for known := map[string]string{"ndjson": `"type":"target"`, "table": "\n*  " + honest}[format]; !bytes.Contains(seen, []byte(known)); {
			piece := make([]byte, 4096)
			n, err := out.Read(piece)
			require.NoError(t, err, string(seen))
			seen = append(seen, piece[:n]...)
		}
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		rest, err := io.ReadAll(out)
		require.NoError(t, err)
		require.Error(t, cmd.Wait())
		require.Equal(t, exitTerminated, cmd.ProcessState.ExitCode())
		require.Regexp(t, `(?s)`+want, string(seen)+string(rest))
	}
}

// TestSurvey_InterruptedObject: the one object has an error, since its targets are not all there.
func TestSurvey_InterruptedObject(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	mute := startServer(t, fleet.Config{Reply: func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	}})
	file := filepath.Join(t.TempDir(), "targets")
	require.NoError(t, os.WriteFile(file, []byte(mute+"\n"), 0o600))
	code, stdout, _ := invoke(ctx, "probe", "-o", "json", "-n", "1", "--timeout", "1h", "-f", file, startServer(t, fleet.Config{}))
	require.Equal(t, exitInterrupted, code)
	require.Contains(t, stdout, `"targets":[],`)
	require.Contains(t, stdout, `"error":{"code":"interrupted","message":"interrupted by signal interrupt"}`)
	require.NotContains(t, stdout, `"interval":null`, "the interval is true all the same")
}
