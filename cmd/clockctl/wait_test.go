package main

import (
	"context"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// late answers from the request with this number on.
func late(first int64) fleet.Config {
	var asked atomic.Int64
	return fleet.Config{Reply: func(_, honest []byte) [][]byte {
		if asked.Add(1) < first {
			return nil
		}
		return [][]byte{honest}
	}}
}

// TestWait_UntilTheServersAnswer: at first nobody does, as when a machine boots before its network.
func TestWait_UntilTheServersAnswer(t *testing.T) {
	code, stdout, stderr := invoke(t.Context(), "wait", "-v", "--max-uncertainty", "100ms", "-n", "1", "-i", "5ms", "--exchange-timeout", "30ms",
		startServer(t, late(2)), startServer(t, late(3)), startServer(t, late(3)))
	require.Equal(t, 0, code, stderr)
	require.Regexp(t, `Z ±[\d.]+(µs|ms)\n$`, stdout)
	require.Contains(t, stderr, "no quorum")
}

// TestWait_InterruptedSaysWhatIsKnown: the interval so far is too wide.
func TestWait_InterruptedSaysWhatIsKnown(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{RootDispersion: 1e9, Reply: fleet.Then(func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	})})
	code, stdout, stderr := invoke(ctx, "wait", "--max-uncertainty", "1ms", "-i", "1ms", "-o", "json", server)
	require.Equal(t, exitInterrupted, code, stderr)
	require.Regexp(t, `"interval":\{"earliest".*"error":\{"code":"interrupted",.*"max_uncertainty_ns":1000000\}\n$`, stdout)
	require.Equal(t, "clockctl: wait: interrupted by signal interrupt\n", stderr)
}

// TestWait_InterruptedBeforeTheFirstAnswer is not reached: whoever waits for the code must not go on.
func TestWait_InterruptedBeforeTheFirstAnswer(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{Reply: func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	}})
	code, stdout, stderr := invoke(ctx, "wait", "--timeout", "1h", "--exchange-timeout", "1h", "-o", "json", server)
	require.Equal(t, exitInterrupted, code)
	require.Contains(t, stdout, `"interval":null`)
	require.Contains(t, stdout, `"error":{"code":"interrupted",`)
	require.Equal(t, "clockctl: wait: interrupted by signal interrupt\n", stderr)
}

// TestUnwilling: whoever may still answer counts, by failure domain.
func TestUnwilling(t *testing.T) {
	says := func(domain string, r ntpprobe.Reason) ntpprobe.SourceStatus {
		return ntpprobe.SourceStatus{Domain: domain, Reason: r}
	}
	deny, restrict, rate, timeout := ntpprobe.KissOfDeath("DENY"), ntpprobe.KissOfDeath("RSTR"), ntpprobe.KissOfDeath("RATE"), ntpprobe.ReasonTimeout
	for name, story := range map[string]struct {
		f       int
		sources []ntpprobe.SourceStatus
		want    bool
	}{
		"nothing is known yet":                   {0, nil, false},
		"the only one":                           {0, []ntpprobe.SourceStatus{says("a", deny)}, true},
		"one of two is left, and nobody may lie": {0, []ntpprobe.SourceStatus{says("a", deny), says("b", timeout)}, false},
		"two of four are left, and one may lie":  {1, []ntpprobe.SourceStatus{says("a", deny), says("b", restrict), says("c", timeout), says("d", "")}, true},
		"three of four are left":                 {1, []ntpprobe.SourceStatus{says("a", deny), says("b", rate), says("c", timeout), says("d", "")}, false},
		"four servers of two domains":            {1, []ntpprobe.SourceStatus{says("a", ""), says("a", ""), says("b", ""), says("c", deny)}, true},
	} {
		require.Equal(t, story.want, unwilling(ntpprobe.Report{Err: truetime.ErrNoQuorum, Faulty: story.f, Sources: story.sources}), name)
	}
}
