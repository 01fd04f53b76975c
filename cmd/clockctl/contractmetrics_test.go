package main

import (
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/timex"
	"github.com/trueclock/trueclock/promclock"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// metric is what a scrape says of one name.
type metric struct {
	kind   string
	labels []string
}

// contracted are the metrics that were promised, all of them: the first table of docs/monitoring/README.md is of
// clockctl serve and of promclock, the second of promclock alone.
var contracted = map[string]metric{
	"clockctl_source_offset_seconds": {"gauge", []string{"source"}}, "clockctl_source_delay_seconds": {"gauge", []string{"source"}},
	"clockctl_source_error_bound_seconds": {"gauge", []string{"source"}}, "clockctl_source_jitter_seconds": {"gauge", []string{"source"}},
	"clockctl_source_stratum": {"gauge", []string{"source"}}, "clockctl_source_reachable": {"gauge", []string{"source"}},
	"clockctl_source_state_info": {"gauge", []string{"source", "state"}},
	"clockctl_offset_seconds":    {"gauge", nil}, "clockctl_uncertainty_seconds": {"gauge", nil}, "clockctl_frequency_error_ratio": {"gauge", nil},
	"clockctl_agreed_sources": {"gauge", nil}, "clockctl_faulty_tolerated": {"gauge", nil},
	"clockctl_synchronized": {"gauge", nil}, "clockctl_status_info": {"gauge", []string{"status"}},
	"clockctl_last_sync_timestamp_seconds": {"gauge", nil}, "clockctl_kernel_max_error_seconds": {"gauge", nil},
	"clockctl_peer_skew_seconds": {"gauge", []string{"peer", "edge"}}, "clockctl_build_info": {"gauge", []string{"version"}},
	"ntpprobe_packets_total": {"counter", []string{"source", "result"}}, "truetime_disruptions_total": {"counter", []string{"cause"}},
	"truetime_uncertainty_distribution_seconds": {"histogram", nil},
	"hlc_drift_seconds":                         {"gauge", nil}, "hlc_logical_overflows_total": {"counter", nil},
	"hlc_rejected_remote_timestamps_total": {"counter", []string{"reason"}},
	"commitwait_duration_seconds":          {"histogram", nil}, "commitwait_waits_total": {"counter", []string{"result"}},
	"commitwait_in_flight": {"gauge", nil}, "commitwait_safe_time_age_seconds": {"gauge", nil},
}

// added are those that stand beside them.
var added = map[string]metric{
	"clockctl_frequency_uncertainty_ratio": {"gauge", nil}, "clockctl_peer_state_info": {"gauge", []string{"peer", "state"}},
}

// TestMetrics_AreThoseOfTheContract: all that were promised exist, with type and labels, and no others.
func TestMetrics_AreThoseOfTheContract(t *testing.T) {
	exist := existing(t)
	for name, want := range contracted {
		require.Contains(t, exist, name)
		require.Equal(t, want.kind, exist[name].kind, name)
		require.ElementsMatch(t, want.labels, exist[name].labels, name)
	}
	for name := range exist {
		_, promised := contracted[name]
		_, beside := added[name]
		require.True(t, promised || beside, "%s is in no table", name)
	}
}

// existing are the metrics that a serve with a peer has once it is synchronized, and those of the library.
func existing(t *testing.T) map[string]metric {
	t.Helper()
	all := servedMetrics(t)
	maps.Copy(all, libraryMetrics(t))
	if k, err := timex.Read(); err != nil || !k.Synchronized() { // then it has no sample, and is no less there
		described := make(chan *prometheus.Desc, 1)
		promclock.Kernel().Describe(described)
		require.Contains(t, (<-described).String(), `fqName: "clockctl_kernel_max_error_seconds"`)
		require.NotContains(t, all, "clockctl_kernel_max_error_seconds")
		all["clockctl_kernel_max_error_seconds"] = metric{kind: "gauge"}
	}
	for name, m := range all { // in the order of the documentation
		if known, ok := contracted[name]; ok && len(known.labels) == len(m.labels) {
			m.labels = known.labels
		}
		all[name] = m
	}
	return all
}

// servedMetrics reads what Prometheus would.
func servedMetrics(t *testing.T) map[string]metric {
	t.Helper()
	ntp := servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})
	other, _ := serveOn(t, append(onFreePort, ntp...)...)
	untilReady(t, other)
	url, _ := serveOn(t, append(append([]string{"--peer", other}, onFreePort...), ntp...)...)
	untilReady(t, url)
	all := map[string]metric{}
	require.Eventually(t, func() bool { // the first scrape may find a clock that is just ready
		_, text := getFrom(t, url+"/metrics")
		clear(all)
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)\n(\S+?)(?:{(.*)})? `).FindAllStringSubmatch(string(text), -1) {
			all[m[1]] = metric{m[2], labelNames(m[4])}
		}
		_, synchronized := all["clockctl_last_sync_timestamp_seconds"]
		_, twice := all["clockctl_source_jitter_seconds"]
		_, compared := all["clockctl_peer_skew_seconds"]
		return synchronized && twice && compared
	}, 20*time.Second, 10*time.Millisecond)
	return all
}

func labelNames(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(text, -1) {
		if m[1] != "le" {
			names = append(names, m[1])
		}
	}
	return names
}

// libraryMetrics are those of a program with a hybrid clock and a committer.
func libraryMetrics(t *testing.T) map[string]metric {
	t.Helper()
	local := truetimetest.NewManual(1)
	clock := truetime.New(local, truetime.Options{})
	now, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(now, time.Now().UnixNano(), time.Millisecond, 1), nil))
	events, err := hlc.New(hlc.Options{})
	require.NoError(t, err)
	waits := promclock.NewWaits()
	c, err := commitwait.New(clock, events, commitwait.Options{OnWait: waits.Observe})
	require.NoError(t, err)
	_, err = c.Assign(t.Context())
	require.NoError(t, err)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(promclock.HLC(events), promclock.Commits(c, clock), waits)
	families, err := registry.Gather()
	require.NoError(t, err)
	all := map[string]metric{}
	for _, f := range families {
		m := metric{kind: strings.ToLower(f.GetType().String())}
		for _, l := range f.Metric[0].Label {
			m.labels = append(m.labels, l.GetName())
		}
		all[f.GetName()] = m
	}
	return all
}
