//go:build linux

package ntpprobe

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// thousandEnv makes the test binary probe the servers on its standard input.
const thousandEnv = "TRUECLOCK_TEST_THOUSAND"

// thousand is what the probing process says of itself.
type thousand struct {
	Fewest     int // samples of the server that gave fewest
	Rejected   int // exchanges that gave none
	Goroutines int // the most at any exchange, beyond those at the start
	PeakKiB    int // of resident memory
	Rounds     time.Duration
	Status     string
}

// TestProber_AThousandServers in one process, which therefore is one of its own: every
// exchange of the burst gives a sample, one goroutine for each server, and memory stays
// small.
func TestProber_AThousandServers(t *testing.T) {
	if os.Getenv(thousandEnv) != "" {
		probeThousand(t)
		return
	}
	if testing.Short() {
		t.Skip("a thousand sockets")
	}
	var addresses []string
	for range 1000 {
		addresses = append(addresses, scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} }))
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProber_AThousandServers$", "-test.v=false")
	cmd.Env = append(os.Environ(), thousandEnv+"=yes")
	cmd.Stdin = strings.NewReader(strings.Join(addresses, "\n"))
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	require.NoError(t, err, string(output))
	var got thousand
	line, _, _ := strings.Cut(string(output), "\n")
	require.NoError(t, json.Unmarshal([]byte(line), &got), string(output))
	t.Logf("%+v", got)
	require.Equal(t, 4, got.Fewest, "no drop")
	require.Zero(t, got.Rejected)
	require.LessOrEqual(t, got.Goroutines, 1000+8, "one for each server, and a few")
	require.Equal(t, "synchronized", got.Status)
	if !raceEnabled {
		require.Less(t, got.PeakKiB, 64<<10)
	}
}

// probeThousand runs in the child: bursts of four, then nothing for an hour.
func probeThousand(t *testing.T) {
	var servers []string
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		servers = append(servers, lines.Text())
	}
	local := strictClock(t)
	p, err := New(Config{Servers: Servers(servers...), Local: local, Poll: PollPolicy{
		MinPoll: time.Hour, MaxPoll: time.Hour, BurstInterval: 500 * time.Millisecond, Timeout: 20 * time.Second,
	}})
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var got thousand
	began, idle := time.Now(), runtime.NumGoroutine()
	_ = p.Run(ctx, func(b truetime.Bound, reason error) error {
		got.Goroutines = max(got.Goroutines, runtime.NumGoroutine()-idle)
		p.mu.Lock()
		finished := true
		for _, src := range p.estimator.sources {
			finished = finished && src.window.samples+src.misses >= 4
		}
		p.mu.Unlock()
		if finished {
			got.Rounds = time.Since(began)
			cancel()
		}
		return clock.Update(b, reason)
	})
	got.Fewest, got.Status = 4, clock.Status().State.String()
	for _, src := range p.estimator.sources {
		got.Fewest = min(got.Fewest, src.window.samples)
		got.Rejected += src.misses
	}
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	got.PeakKiB, err = strconv.Atoi(strings.Fields(peak)[0])
	require.NoError(t, err)
	require.NoError(t, json.NewEncoder(os.Stdout).Encode(got))
}
