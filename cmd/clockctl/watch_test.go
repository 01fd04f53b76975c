package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/termplot"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
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

// TestWatchSession_Days: a day at an update a second, and hours of quicker ones, are kept in bounded memory,
// and the two hours that are shown are there.
func TestWatchSession_Days(t *testing.T) {
	for pause, length := range map[time.Duration]time.Duration{time.Second: 24 * time.Hour, 700 * time.Millisecond: 5 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			local, err := truetime.NewLocalClock()
			require.NoError(t, err)
			session, err := newWatchSession(ntpprobe.Config{Servers: ntpprobe.Servers("127.0.0.1:1"), Local: local}, pause)
			require.NoError(t, err)
			most := 0
			for elapsed := time.Duration(0); elapsed < length; elapsed += pause {
				most = max(most, cap(session.update().history))
				time.Sleep(pause) // in the bubble's time
			}
			require.LessOrEqual(t, most, 2*mostHistory)
			now := session.look()
			require.Equal(t, 2*time.Hour, now.stretch())
			require.GreaterOrEqual(t, now.age-now.history[0].At, 0.89*2*3600)
		})
	}
}

// TestWatchSession_RemembersASecondAsOne: the point of a second holds all of its intervals, and is a gap
// if there was none for a moment.
func TestWatchSession_RemembersASecondAsOne(t *testing.T) {
	var session watchSession
	for _, p := range []termplot.Point{
		{At: 0.5, Low: -1, Middle: 0, High: 1}, {At: 0.9, Low: -2, Middle: -1, High: 0},
		{At: 1, Low: 0, Middle: 1, High: 2}, {At: 1.5, Gap: true}, {At: 2.1, Low: 1, Middle: 2, High: 3},
	} {
		session.remember(p)
	}
	require.Equal(t, []termplot.Point{
		{At: 0.9, Low: -2, Middle: -1, High: 1}, {At: 1.5, High: 2, Gap: true}, {At: 2.1, Low: 1, Middle: 2, High: 3},
	}, session.history)
}
