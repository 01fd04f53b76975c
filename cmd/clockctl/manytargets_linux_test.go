package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/terminal/terminaltest"
)

// manyTargets is how many are measured; more take longer, and no more memory.
var manyTargets = flag.Int("targets", 10_000, "how many targets TestProbe_ManyTargets measures")

// crowd is a fleet of targets: each has an address of its own in 127.0.0.0/8.
type crowd struct {
	file                     string
	honest, mute, liars      *fleet.Server
	honests, mutes, lying, n int // how many of each, and all; the rest is ports on which nobody listens
}

// startCrowd writes a file of n targets of which 1 in 50 never answers, 1 in 50 is an hour ahead and
// 1 in 100 is a closed port.
func startCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	start := func(c fleet.Config) *fleet.Server {
		c.Addr = "0.0.0.0:0"
		s, err := fleet.Start(c)
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	c := &crowd{n: n, honest: start(fleet.Config{}), mute: start(fleet.Config{Reply: fleet.Silent}), liars: start(fleet.Config{Offset: time.Hour})}
	_, closed, err := net.SplitHostPort(closedPort(t))
	require.NoError(t, err)
	var lines strings.Builder
	for i := range n {
		port := closed
		switch {
		case i%50 == 10:
			port, c.mutes = portOf(c.mute), c.mutes+1
		case i%50 == 20:
			port, c.lying = portOf(c.liars), c.lying+1
		case i%100 != 30:
			port, c.honests = portOf(c.honest), c.honests+1
		}
		fmt.Fprintf(&lines, "127.%d.%d.%d:%s\n", 1+i/62_500, i/250%250, 1+i%250, port)
	}
	c.file = filepath.Join(t.TempDir(), "targets")
	require.NoError(t, os.WriteFile(c.file, []byte(lines.String()), 0o600))
	return c
}

func portOf(s *fleet.Server) string {
	_, port, _ := net.SplitHostPort(s.Addr())
	return port
}

// asked is how many of the targets that are there have been asked.
func (c *crowd) asked() int { return c.honest.Requests() + c.mute.Requests() + c.liars.Requests() }

// measuring starts the built program on the crowd.
func (c *crowd) measuring(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	args := append([]string{"probe", "-n", "1", "--timeout", "2s", "--targets", c.file}, flags...)
	for range 3 {
		args = append(args, startServer(t, fleet.Config{}))
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stderr = os.Stderr
	return cmd
}

// watchedOutput reads what a process prints and looks how much memory it has had. (The ru_maxrss of
// a child counts what its parent had when it was started.)
type watchedOutput struct {
	io.Reader
	status string // of the process, a file
	peak   float64
}

func (w *watchedOutput) Read(b []byte) (int, error) {
	text, _ := os.ReadFile(w.status) // fails when the process has ended
	if _, kibibytes, ok := strings.Cut(string(text), "VmHWM:"); ok {
		n, _ := strconv.ParseFloat(strings.Fields(kibibytes)[0], 64)
		w.peak = max(w.peak, n/1024)
	}
	return w.Reader.Read(b)
}

// TestProbe_ManyTargets measures ten thousand: the first result is there before the last target was
// asked, the sums are right, and memory is far below 100 MiB and does not grow with the targets.
func TestProbe_ManyTargets(t *testing.T) {
	if testing.Short() {
		t.Skip("ten thousand targets")
	}
	few, peakOfFew := surveyed(t, startCrowd(t, *manyTargets/10), "ndjson")
	many, peakOfMany := surveyed(t, startCrowd(t, *manyTargets), "ndjson")
	t.Logf("%6d targets: %.1f MiB, %v of at most %v", few.Targets, peakOfFew, time.Duration(few.Took).Round(time.Millisecond), time.Duration(few.Limit))
	t.Logf("%6d targets: %.1f MiB, %v of at most %v", many.Targets, peakOfMany, time.Duration(many.Took).Round(time.Millisecond), time.Duration(many.Limit))
	require.Less(t, peakOfMany, 100.0, "MiB")
	require.Less(t, peakOfMany-peakOfFew, float64(*manyTargets)/1000, "MiB: 1 KiB for each, as the list itself takes some")
	_, peakOfJSON := surveyed(t, startCrowd(t, *manyTargets), "json")
	t.Logf("%6d targets: %.1f MiB with -o json, which is one object", *manyTargets, peakOfJSON)
	if *manyTargets <= 10_000 { // it is held to its end
		require.Less(t, peakOfJSON, 100.0, "MiB")
	}
}

// surveyed measures a crowd and checks what is printed.
func surveyed(t *testing.T, c *crowd, format string) (sum summaryJSON, mebibytes float64) {
	t.Helper()
	cmd := c.measuring(t, "-o", format)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	watched := &watchedOutput{Reader: out, status: fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)}
	lines := bufio.NewReader(watched)
	states := map[string]int{}
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		var o struct {
			Type, State string
			Targets     json.RawMessage
		}
		require.NoError(t, json.Unmarshal(line, &o))
		switch {
		case o.Type == "target":
			if len(states) == 0 { // the program waits until we read on, once the pipe is full
				require.Less(t, c.asked(), c.n*9/10, "the first result comes before the last target was asked")
			}
			states[o.State]++
		case o.Type == "summary":
			require.NoError(t, json.Unmarshal(line, &sum))
		case format == "json":
			var targets []struct{ State string }
			require.NoError(t, json.Unmarshal(o.Targets, &targets))
			for _, target := range targets {
				states[target.State]++
			}
		}
	}
	require.NoError(t, cmd.Wait())
	want := map[string]int{"agreed": c.honests, "falseticker": c.lying, "unreachable": c.n - c.honests - c.lying}
	require.Equal(t, want, states)
	if format == "ndjson" {
		require.Equal(t, []int{c.n, c.honests, c.lying, 0, c.n - c.honests - c.lying, c.honests + c.lying}, []int{sum.Targets, sum.Agreed, sum.Falseticker, sum.Rejected, sum.Unreachable, sum.Samples})
		require.Nil(t, sum.Error)
	}
	require.Equal(t, c.honests+c.mutes+c.lying, c.asked(), "each was asked once")
	require.Positive(t, watched.peak)
	return sum, watched.peak
}

// TestProbe_ManyTargetsOnATerminal: a person sees how far it is, and nothing of that is left.
func TestProbe_ManyTargetsOnATerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("over a second of targets")
	}
	c := startCrowd(t, 3000)
	s := terminaltest.Sit(t, 80, 24)
	cmd := c.measuring(t) // those that never answer make it last over a second
	out := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(out)
	require.NoError(t, err)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.TTY, file, s.TTY
	cmd.Env = append(os.Environ(), "TERM=xterm")
	require.NoError(t, cmd.Start())
	s.Sees(" of 3000 targets")
	require.NoError(t, cmd.Wait())
	require.NoError(t, file.Close())
	_, err = s.TTY.WriteString("$ ")
	require.NoError(t, err)
	seen := strings.TrimSuffix(s.Sees("\r\x1b[K$ "), "$ ") // erased before the shell's next line
	require.Regexp(t, `^(\r\x1b\[K(clockctl: probe: \d+ of (3 exchanges|3000 targets))?)+$`, seen)
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Contains(t, string(text), fmt.Sprintf("\ntargets      %d agree with the interval, %d are outside, 0 gave nothing usable, %d were not reached; ", c.honests, c.lying, c.n-c.honests-c.lying))
	require.Regexp(t, `\ntime         .* of at most 24.00 s, 256 targets at a time\n$`, string(text))
}
