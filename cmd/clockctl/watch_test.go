package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// TestWatchConfig_HowOftenItAsks: -i, else a second among one's own and two with others, whom
// the prober spares by its own floor of 16 s and the usual back-off.
func TestWatchConfig_HowOftenItAsks(t *testing.T) {
	own, others := ntpprobe.Servers("127.0.0.1:1", "[::1]:2"), ntpprobe.Servers("127.0.0.1:1", "ntp1.example.net")
	for name, c := range map[string]struct {
		servers     []ntpprobe.Server
		interval    time.Duration
		pause, most time.Duration // between updates, and the longest pause after losses
	}{
		"one's own":           {own, 0, time.Second, 16 * time.Second},
		"one's own, quickly":  {own, 10 * time.Millisecond, 10 * time.Millisecond, 16 * time.Second},
		"one's own, slowly":   {own, time.Minute, time.Minute, time.Minute},
		"one is public":       {others, 0, 2 * time.Second, 1024 * time.Second},
		"one public, an hour": {others, time.Hour, time.Hour, time.Hour},
	} {
		p := probing{samples: 3, timeout: 700 * time.Millisecond}
		got := p.watchConfig(ntpprobe.MeasureOptions{Servers: c.servers, Interval: c.interval})
		require.Equal(t, c.pause, pauseOf(got), name)
		require.Equal(t, ntpprobe.PollPolicy{MinPoll: c.pause, BurstInterval: c.pause, MaxPoll: c.most, Timeout: 700 * time.Millisecond, Burst: 3}, got.Poll, name)
		require.Equal(t, longestHoldover, got.Assumptions.MaxAge, name)
	}
}
