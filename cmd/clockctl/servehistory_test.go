package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/serve"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestServe_History: what was known since the beginning, where the interval that is served now lies.
func TestServe_History(t *testing.T) {
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	o := knownSince(t, url)
	require.NotEmpty(t, o.Minutes)
	last := o.Looks[len(o.Looks)-1]
	require.LessOrEqual(t, *last.Low, int64(0), "the servers serve the wall clock")
	require.GreaterOrEqual(t, *last.High, int64(0))
	require.GreaterOrEqual(t, o.Looks[0].Age, last.Age, "the oldest first")
}

// knownSince waits until the newest look of the history had an interval.
func knownSince(t *testing.T, url string) (o historyJSON) {
	t.Helper()
	require.Eventually(t, func() bool {
		code, text := getFrom(t, url+"/api/v1/history")
		require.Equal(t, http.StatusOK, code)
		checkSchema(t, "serve-history.json", text)
		o = historyJSON{}
		require.NoError(t, json.Unmarshal(text, &o))
		return len(o.Looks) > 0 && o.Looks[len(o.Looks)-1].Known == 1
	}, 20*time.Second, 20*time.Millisecond)
	return o
}

// standing is a service whose servers never answer and whose local clock moves by hand.
func standing(t *testing.T) (*service, *truetimetest.Manual) {
	t.Helper()
	local := truetimetest.NewManual(1)
	v := &service{clock: truetime.New(local, truetime.Options{})}
	var err error
	v.prober, err = ntpprobe.New(ntpprobe.Config{Servers: ntpprobe.Servers("192.0.2.1"), Local: local})
	require.NoError(t, err)
	return v, local
}

// TestService_ABoundThatGrowsStale: in holdover the interval grows, in all objects alike; when the bound is over, the interval
// is gone from all of them, and the server is not ready.
func TestService_ABoundThatGrowsStale(t *testing.T) {
	v, local := standing(t)
	now, err := local.Read()
	require.NoError(t, err)
	bound := truetimetest.Around(now, time.Now().UnixNano(), time.Millisecond, truetime.DefaultDriftPPB)
	require.NoError(t, v.clock.Update(bound, nil))
	_, err = v.interval()
	require.NoError(t, err)
	fresh := v.look(0)
	require.True(t, fresh.Known)
	require.GreaterOrEqual(t, fresh.High-fresh.Low, int64(2*time.Millisecond), "the whole interval")

	local.Advance(time.Duration(bound.Expires-now.Nanos) - 1)
	o, err := v.interval()
	require.NoError(t, err, "the last moment it is good for")
	require.Greater(t, o.(serveIntervalJSON).Interval.Uncertainty, int64(time.Millisecond))
	require.Greater(t, v.look(0).High-v.look(0).Low, fresh.High-fresh.Low)

	local.Advance(time.Second)
	o, err = v.interval()
	require.Error(t, err, "503 of /readyz and /api/v1/interval")
	require.Nil(t, o.(serveIntervalJSON).Interval)
	require.Equal(t, "stale", o.(serveIntervalJSON).Error.Code)
	require.Equal(t, "unsynchronized", o.(serveIntervalJSON).Status)
	old := v.look(7)
	require.Equal(t, serve.Look{At: 7, Wall: old.Wall, State: "unsynchronized"}, old)
	require.Nil(t, v.live().(liveJSON).Interval)
}

// TestService_HistoryInJSON: ages by a clock that nobody sets, null where nothing was known.
func TestService_HistoryInJSON(t *testing.T) {
	v, _ := standing(t)
	wall := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	v.past.Add(serve.Look{At: time.Second, Wall: wall, State: "unsynchronized"})
	v.past.Add(serve.Look{At: 2 * time.Second, Wall: wall.Add(-time.Hour), State: "synchronized", Known: true, Low: -5, High: 7})
	o := v.history(10 * time.Second)
	require.Equal(t, []spanJSON{
		{Age: 9e9, ReadAt: "2026-11-25T00:00:00.000000000Z", Status: "unsynchronized", Unknown: 1},
		{Age: 8e9, ReadAt: "2026-11-24T23:00:00.000000000Z", Status: "synchronized", Known: 1, Low: ptr(int64(-5)), High: ptr(int64(7))},
	}, o.Looks)
	require.Equal(t, []spanJSON{{Age: 9e9, Span: 1e9, ReadAt: "2026-11-25T00:00:00.000000000Z", Status: "unsynchronized", Known: 1, Unknown: 1, Low: ptr(int64(-5)), High: ptr(int64(7))}}, o.Minutes)
}
