package main

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// wallReport is a report of a node that knows to a millisecond that its wall clock is right.
func wallReport(t *testing.T, local truetime.LocalClock) func() (ntpprobe.Report, error) {
	return func() (ntpprobe.Report, error) {
		at, err := ntpprobe.ReadInstant(local)
		require.NoError(t, err)
		interval, err := truetime.NewInterval(at.Wall.UnixNano()-1e6, at.Wall.UnixNano()+1e6)
		return ntpprobe.Report{Instant: at, Interval: interval}, err
	}
}

func gatheredFrom(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := registry.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			values[fmt.Sprint(f.GetName(), m.Label[0].GetValue(), m.Label[1].GetValue())] = m.Gauge.GetValue()
		}
	}
	return values
}

// TestPeers_HowFarTheClocksAreApart: a peer that is a minute ahead, one that is right, one whose claim contradicts ours, and one that
// is down. The true skew lies between the edges; what is unknown has no number.
func TestPeers_HowFarTheClocksAreApart(t *testing.T) {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	gone := httptest.NewServer(nil)
	gone.Close()
	ahead, right, liar := peer(t, time.Minute, 0), peer(t, 0, 0), peer(t, 0, time.Hour)
	p, err := newPeers([]string{ahead, right, liar, gone.URL}, local, 10*time.Second, wallReport(t, truetime.Strict(local)))
	require.NoError(t, err)
	for _, name := range p.names { // before the first round
		require.Equal(t, 1.0, gatheredFrom(t, p)["clockctl_peer_state_info"+name+"unknown"])
	}
	require.True(t, p.round(t.Context()))
	values := gatheredFrom(t, p)
	skew := func(peer, edge string) float64 { return values["clockctl_peer_skew_seconds"+edge+peer] }
	require.LessOrEqual(t, skew(ahead, "min"), -60.0, "this node is behind: negative")
	require.GreaterOrEqual(t, skew(ahead, "max"), -60.0)
	require.Less(t, skew(ahead, "max"), -30.0)
	require.LessOrEqual(t, skew(right, "min"), 0.0)
	require.GreaterOrEqual(t, skew(right, "max"), 0.0)
	require.Equal(t, 1.0, values["clockctl_peer_state_info"+ahead+"compared"])
	require.Equal(t, 1.0, values["clockctl_peer_state_info"+liar+"disproved"])
	require.Equal(t, 1.0, values["clockctl_peer_state_info"+gone.URL+"unknown"])
	require.Len(t, values, 4+2*2, "no number for the two of which nothing is known")

	p.self = func() (ntpprobe.Report, error) { return ntpprobe.Report{Err: truetime.ErrUnsynchronized}, nil }
	require.False(t, p.round(t.Context()))
	require.Len(t, gatheredFrom(t, p), 4, "nor for anybody while this node has no interval")
}

// TestPeers_AreNamedOnce and are not more than there may be labels.
func TestPeers_AreNamedOnce(t *testing.T) {
	for want, names := range map[string][]string{"named twice": {"node1", "http://node1:10123/"}, "it is not HOST": {"ftp://node1"}, "too many": func() (list []string) {
		for i := range mostPeers + 1 {
			list = append(list, fmt.Sprintf("node%d", i))
		}
		return list
	}()} {
		_, err := newPeers(names, nil, time.Second, nil)
		require.ErrorContains(t, err, want)
		require.Equal(t, exitUsage, exitCode(err))
	}
}
