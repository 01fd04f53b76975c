package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// event is a line that a process printed.
type event struct {
	at   hlc.Timestamp
	wall string
	who  string
	what string
}

func parse(t *testing.T, line string) event {
	t.Helper()
	part := strings.SplitN(line, " ", 5)
	require.Len(t, part, 5, line)
	at, err := hlc.Parse(part[0])
	require.NoError(t, err)
	return event{at, part[2], part[3], part[4]}
}

// TestTwoProcesses: the real program, twice, with clocks 400 ms apart. Every event is above its cause, though by
// the wall clocks each answer comes before its question was heard.
func TestTwoProcesses(t *testing.T) {
	program := filepath.Join(t.TempDir(), "chat")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(output))

	bob := exec.CommandContext(t.Context(), program, "-name", "bob", "-skew", "-200ms", "-listen", "127.0.0.1:0")
	bob.Stderr = os.Stderr
	pipe, err := bob.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, bob.Start())
	lines := bufio.NewScanner(pipe)
	require.True(t, lines.Scan())
	url, found := strings.CutPrefix(lines.Text(), "listening ")
	require.True(t, found, lines.Text())

	const questions = 5
	said, err := exec.CommandContext(t.Context(), program, "-name", "ann", "-skew", "200ms", "-say", "5", url).Output()
	require.NoError(t, err)
	require.NoError(t, bob.Process.Signal(os.Interrupt))
	var heard []event
	for lines.Scan() {
		heard = append(heard, parse(t, lines.Text()))
	}
	require.NoError(t, bob.Wait(), "an interrupt is the way to end it")
	require.Len(t, heard, questions)
	var own []event
	for _, line := range strings.Split(strings.TrimSpace(string(said)), "\n") {
		own = append(own, parse(t, line))
	}
	require.Len(t, own, 2*questions)

	last := hlc.Timestamp{}
	for i, bobs := range heard {
		for _, e := range []event{own[2*i], bobs, own[2*i+1]} { // says, hears it, hears the answer
			require.True(t, e.at.After(last), "%+v is an effect of what was stamped %v", e, last)
			last = e.at
		}
		require.Less(t, bobs.wall, own[2*i].wall, "by the wall clocks it was heard before it was said")
	}
}

func TestRun_SaysWhatIsMissing(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"-listen", "nowhere"}, {"-say", "x"}, {"http://127.0.0.1:1"}} {
		require.Error(t, run(context.Background(), args, io.Discard))
	}
}
