package doctor

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/timex"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// noon is far from the end of a month, midnight is one.
var (
	noon     = time.Date(2026, 11, 15, 12, 0, 0, 0, time.UTC)
	midnight = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
)

// answers is a source that says ±1 ms around its offset at this moment.
func answers(t *testing.T, address string, wall time.Time, offset time.Duration) ntpprobe.SourceStatus {
	t.Helper()
	middle := wall.UnixNano() + int64(offset)
	interval, err := truetime.NewInterval(middle-int64(time.Millisecond), middle+int64(time.Millisecond))
	require.NoError(t, err)
	remote, _ := netip.ParseAddr(address)
	return ntpprobe.SourceStatus{
		Server: ntpprobe.Server{Address: address}, Domain: address, Remote: netip.AddrPortFrom(remote, 123), State: ntpprobe.Agreed,
		Header: &ntpprobe.Header{Stratum: 1}, Estimate: &ntpprobe.Estimate{Interval: interval, Offset: offset},
	}
}

// follows is such a source on stratum 2 behind this address.
func follows(t *testing.T, address, upstream string) ntpprobe.SourceStatus {
	s := answers(t, address, noon, 0)
	b := netip.MustParseAddr(upstream).As4()
	s.Header = &ntpprobe.Header{Stratum: 2, ReferenceID: binary.BigEndian.Uint32(b[:])}
	return s
}

// silent is a source without a reply.
func silent(address string, reason ntpprobe.Reason) ntpprobe.SourceStatus {
	return ntpprobe.SourceStatus{Server: ntpprobe.Server{Address: address}, Domain: address, State: ntpprobe.Unreachable, Reason: reason}
}

func sources(f int, list ...ntpprobe.SourceStatus) ntpprobe.Report {
	return ntpprobe.Report{Faulty: f, Sources: list}
}

// knows is a report whose interval is ±uncertainty around offset.
func knows(t *testing.T, offset, uncertainty time.Duration) ntpprobe.Report {
	t.Helper()
	middle := noon.UnixNano() + int64(offset)
	interval, err := truetime.NewInterval(middle-int64(uncertainty), middle+int64(uncertainty))
	require.NoError(t, err)
	return ntpprobe.Report{Instant: ntpprobe.Instant{Wall: noon}, Interval: interval}
}

func TestReach_Stories(t *testing.T) {
	good := answers(t, "192.0.2.1", noon, 0)
	refusing := good
	refusing.State, refusing.Reason, refusing.Server.Address = ntpprobe.Rejected, ntpprobe.KissOfDeath("DENY"), "192.0.2.5"
	unjudged := good
	unjudged.State, unjudged.Reason = ntpprobe.Rejected, ntpprobe.ReasonNoQuorum
	for name, story := range map[string]struct {
		sources []ntpprobe.SourceStatus
		want    finding
	}{
		"all well":                   {[]ntpprobe.SourceStatus{good, good}, finding{OK, "all 2 answer"}},
		"answers without a quorum":   {[]ntpprobe.SourceStatus{unjudged, unjudged}, finding{OK, "all 2 answer"}},
		"one is silent":              {[]ntpprobe.SourceStatus{good, silent("b", ntpprobe.ReasonTimeout)}, finding{Warn, "1 of 2 give nothing usable: b (timeout)"}},
		"one does not want":          {[]ntpprobe.SourceStatus{good, refusing}, finding{Warn, "1 of 2 give nothing usable: 192.0.2.5 (kiss_of_death:DENY)"}},
		"a firewall":                 {[]ntpprobe.SourceStatus{silent("a", ntpprobe.ReasonTimeout), silent("b", ntpprobe.ReasonNoRoute)}, finding{Fail, "no reply from any of 2: is UDP port 123 blocked?"}},
		"no name server":             {[]ntpprobe.SourceStatus{silent("a", ntpprobe.ReasonResolve), silent("b", ntpprobe.ReasonResolve)}, finding{Fail, "no name resolves"}},
		"this and that":              {[]ntpprobe.SourceStatus{silent("a", ntpprobe.ReasonResolve), silent("b", ntpprobe.ReasonTimeout)}, finding{Fail, "none of 2 answers: a (resolve), b (timeout)"}},
		"the ports are closed":       {[]ntpprobe.SourceStatus{silent("a", ntpprobe.ReasonRefused)}, finding{Fail, "none of 1 answers: a (refused)"}},
		"bad replies are no silence": {[]ntpprobe.SourceStatus{refusing}, finding{Warn, "1 of 1 give nothing usable: 192.0.2.5 (kiss_of_death:DENY)"}},
	} {
		story.want.of(t, reach(sources(0, story.sources...)), name)
	}
}

func TestLoss_CountsExchanges(t *testing.T) {
	var tally Tally
	lost := &ntpprobe.RejectedError{Reason: ntpprobe.ReasonTimeout}
	kiss := &ntpprobe.RejectedError{Reason: ntpprobe.KissOfDeath("RATE")}
	for _, err := range []error{nil, nil, nil, kiss, errors.New("else"), nil, nil, nil, nil, lost} {
		tally.Add(ntpprobe.Exchange{Err: err})
	}
	finding{OK, "1 of 10 exchanges without a reply"}.of(t, loss(tally), "at the limit")
	tally.Add(ntpprobe.Exchange{Err: lost})
	finding{Warn, "2 of 11 exchanges without a reply"}.of(t, loss(tally), "above")
	finding{Skip, "nobody answers; see reach"}.of(t, loss(Tally{Asked: 3, Lost: 3}), "none")
	finding{Skip, "nobody answers; see reach"}.of(t, loss(Tally{}), "interrupted at once")
}

func TestNumber_CountsFailureDomains(t *testing.T) {
	a, b, c, d := silent("a", ""), silent("b", ""), silent("c", ""), silent("d", "")
	twin := silent("d2", "")
	twin.Domain = "d"
	finding{OK, "4 failure domains, of which 1 may lie"}.of(t, number(sources(1, a, b, c, d)), "four")
	finding{Warn, "3 failure domains, of which 1 may lie"}.of(t, number(sources(1, a, b, d, twin)), "four of three")
	finding{Warn, "1 failure domain, of which 0 may lie"}.of(t, number(sources(0, a)), "one")
}

func TestAgreement_Stories(t *testing.T) {
	good, liar := answers(t, "a", noon, 0), answers(t, "b", noon, time.Second)
	liar.State, liar.Reason, liar.Detail = ntpprobe.Falseticker, ntpprobe.ReasonOutside, "998ms outside what 3 others agree on"
	finding{OK, "2 of 2 agree"}.of(t, agreement(sources(0, good, good)), "all")
	finding{Warn, "b: 998ms outside what 3 others agree on"}.of(t, agreement(sources(1, good, liar, good, good)), "a liar")
	r := sources(1, good, liar)
	r.Err = &truetime.NoQuorumError{Domains: 2, Faulty: 1, Needed: 3}
	finding{Fail, "no quorum: 2 sources have usable data, 3 needed (1 may lie)"}.of(t, agreement(r), "too few")
	r.Err = &truetime.DisruptedError{Cause: "it slept"}
	finding{Fail, "disrupted: it slept; wait for a fresh bound"}.of(t, agreement(r), "a pause")
}

// TestIndependence_Stories: what is behind more servers than may lie is what matters.
func TestIndependence_Stories(t *testing.T) {
	a, b, c, d := answers(t, "192.0.2.1", noon, 0), answers(t, "192.0.2.2", noon, 0), answers(t, "192.0.2.3", noon, 0), answers(t, "192.0.2.4", noon, 0)
	behind := func(address string) ntpprobe.SourceStatus { return follows(t, address, "198.51.100.9") }
	sameDomain := behind("192.0.2.6")
	sameDomain.Domain = "192.0.2.5"
	own := func(address string) ntpprobe.SourceStatus { return follows(t, address, "127.127.1.1") }
	gps := func(address string) ntpprobe.SourceStatus {
		s := behind(address)
		s.Header.Stratum = 1
		return s
	}
	gone := behind("192.0.2.8")
	gone.Estimate = nil
	for name, story := range map[string]struct {
		report ntpprobe.Report
		want   finding
	}{
		"nobody answers":                   {sources(0, silent("a", ntpprobe.ReasonTimeout)), finding{Skip, "no server answers"}},
		"four of stratum 1":                {sources(1, a, b, c, d), finding{OK, "no common upstream is seen"}},
		"one follows somebody":             {sources(1, a, b, c, behind("192.0.2.5")), finding{OK, "no common upstream is seen"}},
		"two follow one, one may lie":      {sources(1, a, b, behind("192.0.2.5"), behind("192.0.2.7")), finding{Warn, "2 follow 198.51.100.9: 192.0.2.5, 192.0.2.7"}},
		"two follow one, two may lie":      {sources(2, a, b, c, behind("192.0.2.5"), behind("192.0.2.7")), finding{OK, "no common upstream is seen"}},
		"one upstream behind all":          {sources(1, behind("192.0.2.5"), behind("192.0.2.6"), behind("192.0.2.7")), finding{Warn, "all 3 follow 198.51.100.9: 192.0.2.5, 192.0.2.6, 192.0.2.7"}},
		"one follows another that is here": {sources(1, a, b, c, follows(t, "192.0.2.5", "192.0.2.1")), finding{Warn, "2 follow 192.0.2.1: 192.0.2.5, 192.0.2.1"}},
		"one failure domain counts once":   {sources(1, a, b, behind("192.0.2.5"), sameDomain), finding{OK, "no common upstream is seen"}},
		"clocks of their own":              {sources(1, own("192.0.2.5"), own("192.0.2.6"), own("192.0.2.7")), finding{OK, "no common upstream is seen"}},
		"a kind of reference":              {sources(1, gps("192.0.2.5"), gps("192.0.2.6"), gps("192.0.2.7")), finding{OK, "no common upstream is seen"}},
		"what a silent one followed":       {sources(1, a, b, behind("192.0.2.5"), gone), finding{OK, "no common upstream is seen"}},
	} {
		story.want.of(t, upstream(story.report), name)
	}
}

func TestLeap_Stories(t *testing.T) {
	plain, announcing := answers(t, "a", noon, 0), answers(t, "b", noon, 0)
	announcing.Header = &ntpprobe.Header{Leap: ntpprobe.LeapInsert}
	told := Machine{Kernel: timex.Kernel{State: timex.LeapInsert, Status: timex.Insert}}
	pending := sources(1, announcing, announcing)
	pending.Leap = ntpprobe.PendingLeap{Kind: ntpprobe.LeapInsert, At: midnight}
	finding{OK, "none pending"}.of(t, leap(Machine{}, sources(1, plain)), "none")
	finding{Warn, "insert at the end of 2026-12-31 UTC"}.of(t, leap(told, pending), "by a majority")
	finding{Warn, "1 of 2 servers announce one, no more than may lie"}.of(t, leap(Machine{}, sources(1, plain, announcing)), "by a liar, or one that knows more")
	finding{Warn, "the kernel was told of one, the servers announce none"}.of(t, leap(told, sources(1, plain)), "by a daemon")
	told.KernelErr = errors.New("refused")
	finding{OK, "none pending"}.of(t, leap(told, sources(1, plain)), "what was not read says nothing")
	finding{Skip, "no server answers"}.of(t, leap(Machine{}, sources(0, silent("a", ""))), "silence")
}

// TestNoServers_TheKernelKnowsOfLeapSeconds, if somebody tells it.
func TestNoServers_TheKernelKnowsOfLeapSeconds(t *testing.T) {
	for name, story := range map[string]struct {
		m    Machine
		want finding
	}{
		"kept":             {Machine{}, finding{OK, "the kernel was told of none"}},
		"one is pending":   {Machine{Kernel: timex.Kernel{State: timex.LeapInsert, Status: timex.Insert}}, finding{Warn, "the kernel was told of one"}},
		"one to be left":   {Machine{Kernel: timex.Kernel{State: timex.LeapDelete, Status: timex.Delete}}, finding{Warn, "the kernel was told of one"}},
		"it is on":         {Machine{Kernel: timex.Kernel{State: timex.LeapNow}}, finding{Warn, "the kernel was told of one"}},
		"nobody tells":     {Machine{Kernel: timex.Kernel{State: timex.Error, Status: timex.Unsynchronized}}, finding{Skip, "nobody tells the kernel, and no server was named"}},
		"it does not tell": {Machine{KernelErr: timex.ErrUnsupported}, finding{Skip, timex.ErrUnsupported.Error()}},
	} {
		checks := NoServers(story.m)
		require.Equal(t, []string{"servers", "leap"}, []string{checks[0].Name, checks[1].Name})
		require.Equal(t, Skip, checks[0].Status)
		story.want.of(t, checks[1], name)
	}
}

// TestUnfinished_SilenceIsNone: an interrupted measurement accuses nobody.
func TestUnfinished_SilenceIsNone(t *testing.T) {
	r := sources(1, answers(t, "a", noon, 0), silent("b", ntpprobe.ReasonTimeout))
	r.Err = &truetime.NoQuorumError{Domains: 1, Faulty: 1, Needed: 3}
	before := Servers(Machine{}, r, Tally{Asked: 2, Lost: 1}, testLimits)
	after := Unfinished(before)
	for i, c := range after {
		switch c.Name {
		case "reach", "loss", "agreement":
			finding{Skip, "interrupted; so far: " + before[i].Value}.of(t, c, c.Name)
		default:
			require.Equal(t, before[i], c)
		}
	}
	good := []Check{reach(sources(0, answers(t, "a", noon, 0)))}
	require.Equal(t, good, Unfinished(good))
}

func TestSmear_Stories(t *testing.T) {
	at := func(address string, wall time.Time, offset time.Duration) ntpprobe.SourceStatus {
		return answers(t, address, wall, offset)
	}
	shows := silent("10.0.0.1", ntpprobe.ReasonSmear)
	declared := at("time.google.com:123", noon, 0)
	declared.Server.Smear = "google24h"
	for name, story := range map[string]struct {
		sources []ntpprobe.SourceStatus
		want    finding
	}{
		"nobody answers":            {[]ntpprobe.SourceStatus{silent("a", "")}, finding{Skip, "no server answers"}},
		"one shows it":              {[]ntpprobe.SourceStatus{at("a", noon, 0), shows}, finding{Warn, "10.0.0.1 smears now, and the server was not declared to"}},
		"known names beside others": {[]ntpprobe.SourceStatus{at("Time1.Google.com", noon, 0), at("time.facebook.com.", noon, 0), at("b", noon, 0)}, finding{Warn, "Time1.Google.com, time.facebook.com. smear leap seconds, b probably does not"}},
		"known names alone":         {[]ntpprobe.SourceStatus{at("time1.google.com", noon, 0), at("169.254.169.123", noon, 0)}, finding{OK, "no sign of two time scales"}},
		"declared":                  {[]ntpprobe.SourceStatus{declared, declared}, finding{OK, "no sign of two time scales"}},
		"two camps at midnight":     {[]ntpprobe.SourceStatus{at("a", midnight, 0), at("b", midnight, 1), at("c", midnight, 500*time.Millisecond), at("d", midnight, 500*time.Millisecond)}, finding{Warn, "near the end of a month the servers are in two camps 498ms apart, as smeared and unsmeared ones are"}},
		"two camps in the middle":   {[]ntpprobe.SourceStatus{at("a", noon, 0), at("b", noon, 1), at("c", noon, 500*time.Millisecond), at("d", noon, 500*time.Millisecond)}, finding{OK, "no sign of two time scales"}},
		"too far apart for a smear": {[]ntpprobe.SourceStatus{at("a", midnight, 0), at("b", midnight, 1), at("c", midnight, 2*time.Second), at("d", midnight, 2*time.Second)}, finding{OK, "no sign of two time scales"}},
		"one alone is a liar":       {[]ntpprobe.SourceStatus{at("a", midnight, 0), at("b", midnight, 1), at("c", midnight, 500*time.Millisecond)}, finding{OK, "no sign of two time scales"}},
		"three camps are a mess":    {[]ntpprobe.SourceStatus{at("a", midnight, 0), at("b", midnight, 1), at("c", midnight, 400*time.Millisecond), at("d", midnight, 400*time.Millisecond), at("e", midnight, 800*time.Millisecond)}, finding{OK, "no sign of two time scales"}},
		"all at one, at midnight":   {[]ntpprobe.SourceStatus{at("a", midnight, 0), at("b", midnight, 1), at("c", midnight, 2), at("d", midnight, 3)}, finding{OK, "no sign of two time scales"}},
	} {
		story.want.of(t, smear(sources(1, story.sources...)), name)
	}
}

func TestMonthEnds_ADayAndAHalf(t *testing.T) {
	for _, near := range []time.Time{midnight, midnight.Add(-35 * time.Hour), midnight.Add(35 * time.Hour)} {
		require.True(t, monthEnds(near.UnixNano()), near)
	}
	for _, far := range []time.Time{noon, midnight.Add(-37 * time.Hour), midnight.Add(37 * time.Hour)} {
		require.False(t, monthEnds(far.UnixNano()), far)
	}
}

func TestWallClock_WorstErrorCounts(t *testing.T) {
	for name, story := range map[string]struct {
		report ntpprobe.Report
		want   finding
	}{
		"good":        {knows(t, 391, 61_204), finding{OK, "391ns slow, wrong by 61.6µs at most"}},
		"at a limit":  {knows(t, -40*time.Millisecond, 10*time.Millisecond), finding{Warn, "40ms fast, wrong by 50ms at most"}},
		"far off":     {knows(t, time.Second, time.Millisecond), finding{Fail, "1s slow, wrong by 1.001s at most"}},
		"not known":   {ntpprobe.Report{Err: truetime.ErrNoQuorum}, finding{Skip, "there is no interval to compare it with"}},
		"not certain": {knows(t, 0, time.Second), finding{Fail, "0s slow, wrong by 1s at most"}},
	} {
		story.want.of(t, wallClock(story.report, testLimits), name)
	}
}

// TestKernelClaim_OnlyWhatIsCertainDisprovesIt.
func TestKernelClaim_OnlyWhatIsCertainDisprovesIt(t *testing.T) {
	m := Machine{Kernel: timex.Kernel{MaxError: 5 * time.Millisecond}}
	finding{OK, "at most 5ms, and the servers do not disprove it"}.of(t, kernelClaim(m, knows(t, -7*time.Millisecond, 2*time.Millisecond)), "perhaps within")
	finding{Fail, "the clock is off by at least 6ms, and the kernel was told at most 5ms"}.of(t, kernelClaim(m, knows(t, -8*time.Millisecond, 2*time.Millisecond)), "certainly beyond")
	finding{OK, "at most 5ms, and the servers do not disprove it"}.of(t, kernelClaim(m, knows(t, 1, time.Hour)), "the servers know less")
	skipped := finding{Skip, "the kernel claims nothing, or there is no interval to compare with"}
	skipped.of(t, kernelClaim(m, ntpprobe.Report{Err: truetime.ErrNoQuorum}), "no interval")
	skipped.of(t, kernelClaim(Machine{KernelErr: timex.ErrUnsupported}, knows(t, 0, 1)), "not told")
	skipped.of(t, kernelClaim(Machine{Kernel: timex.Kernel{State: timex.Error}}, knows(t, time.Hour, 1)), "unsynchronized: 16 s are no claim")
}
