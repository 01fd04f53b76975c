package main

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyc"
	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// told is the contract of `sources -o json`, written down a second time.
type told struct {
	ReadAt  string `json:"read_at"`
	Chronyd *struct {
		Where, State  string
		Reference     *string
		Interval      *span
		Offset        *int64 `json:"offset_ns"`
		ErrorBound    *int64 `json:"error_bound_ns"`
		RootDelay     *int64 `json:"root_delay_ns"`
		RootDispersed *int64 `json:"root_dispersion_ns"`
	}
	Sources []struct {
		Address, State string
		Selection      *string
		Offset         *int64 `json:"offset_ns"`
		ErrorBound     *int64 `json:"error_bound_ns"`
		Interval       *span
		Meets          *bool
	}
	Interval *span
	Agreed   int
	Overlap  *bool
	Apart    *int64 `json:"apart_ns"`
	Kernel   map[string]any
	Error    map[string]any
}

type span struct {
	Earliest, Latest string
	Uncertainty      int64 `json:"uncertainty_ns"`
}

func (s *span) contains(t *testing.T, at string) {
	t.Helper()
	require.NotNil(t, s)
	require.False(t, moment(t, at).Before(moment(t, s.Earliest)), "%+v, true was %s", s, at)
	require.False(t, moment(t, at).After(moment(t, s.Latest)), "%+v, true was %s", s, at)
}

// tell runs sources on the daemon, beside the servers.
func tell(t *testing.T, daemon []string, servers ...*chronyd.Daemon) (code int, o told, stderr string) {
	t.Helper()
	args := append([]string{"sources", "--json", "-n", "2", "-i", "5ms"}, daemon...)
	for _, d := range servers {
		args = append(args, d.Addr.String())
	}
	code, stdout, stderr := clockctl(t, args...)
	require.True(t, strings.HasPrefix(stdout, `{"schema":"clockctl/v1",`), stdout)
	require.Equal(t, 1, strings.Count(stdout, "\n"))
	require.NoError(t, json.Unmarshal([]byte(stdout), &o))
	return code, o, stderr
}

func follow(t *testing.T, from byte, servers ...*chronyd.Daemon) *chronyd.Client {
	t.Helper()
	var addrs []netip.AddrPort
	for _, d := range servers {
		addrs = append(addrs, d.Addr)
	}
	client := chronyd.StartClient(t, chronyd.ClientConfig{Servers: addrs, From: netip.AddrFrom4([4]byte{127, 0, 9, from}), Poll: -2, MaxClockErrorPPM: 1, Command: true})
	require.Eventually(t, func() bool {
		now, err := client.Tracking()
		text, err2 := client.Chronyc("-c", "sources")
		// At first it admits to a large error, with which nothing that it says is wrong.
		return err == nil && err2 == nil && now.Synchronized && now.Distance() < 2*time.Millisecond && (len(servers) < 3 || strings.Contains(text, "^,x,"))
	}, 20*time.Second, 50*time.Millisecond)
	return client
}

// TestChronyd_Sources_ALiarAmongThem: a real chronyd that follows three honest servers and a
// liar. The operating system's time, which the honest ones serve, is true: it lies in chronyd's
// interval and in ours, and both name the liar. By either way to the daemon.
func TestChronyd_Sources_ALiarAmongThem(t *testing.T) {
	servers := honest(t, 3)
	servers = append(servers, chronyd.Start(t, chronyd.Config{IP: netip.AddrFrom4([4]byte{127, 0, 9, 110}), Follow: servers[0], Offset: 250 * time.Millisecond}))
	client := follow(t, 111, servers...)
	for _, daemon := range [][]string{{"--socket", client.Socket()}, {"--address", client.Command().String()}} {
		code, o, stderr := tell(t, daemon, servers...)
		require.Equal(t, 0, code, stderr)
		require.Equal(t, "synchronized", o.Chronyd.State)
		o.Interval.contains(t, o.ReadAt)
		require.True(t, *o.Overlap)
		require.Nil(t, o.Apart)
		require.Equal(t, 3, o.Agreed)
		require.GreaterOrEqual(t, *o.Chronyd.ErrorBound, max(*o.Chronyd.Offset, -*o.Chronyd.Offset)+*o.Chronyd.RootDelay/2+*o.Chronyd.RootDispersed)
		require.Len(t, o.Sources, 4)
		for i, s := range o.Sources {
			require.Equal(t, servers[i].Addr.Addr().String(), s.Address)
			require.Equal(t, i != 3, *s.Meets, "%+v", s)
			require.Equal(t, i == 3, s.State == "falseticker")
			require.Equal(t, daemon[0] == "--socket", s.Selection != nil)
		}
		require.InDelta(t, 250e6, float64(*o.Sources[3].Offset), 10e6, "positive: it says that we are slow")
	}
	code, stdout, stderr := clockctl(t, "sources", "--address", client.Command().String())
	require.Equal(t, 0, code, stderr)
	require.Regexp(t, `(?m)^x  127\.0\.9\.110 .* 2\d\d\.\d ms slow .*  -     falseticker$`, stdout)
	client.Stop()
	code, _, stderr = clockctl(t, "sources", "--address", client.Command().String())
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "no chronyd answers")
}

// TestChronyd_Sources_ChronydIsDeceived: it follows a liar alone, and we ask three others. The
// intervals exclude each other, and the command says so.
func TestChronyd_Sources_ChronydIsDeceived(t *testing.T) {
	servers := honest(t, 3)
	for offset, word := range map[time.Duration]string{250 * time.Millisecond: "slow", -400 * time.Millisecond: "fast"} {
		liar := chronyd.Start(t, chronyd.Config{IP: netip.AddrFrom4([4]byte{127, 0, 9, 120}), Follow: servers[0], Offset: offset})
		client := follow(t, 121, liar)
		code, o, stderr := tell(t, []string{"--socket", client.Socket()}, servers...)
		require.Equal(t, 1, code)
		require.Equal(t, 1, strings.Count(stderr, "\n"))
		require.Contains(t, stderr, "one of them is wrong")
		require.Equal(t, "disjoint", o.Error["code"])
		require.False(t, *o.Overlap)
		require.Greater(t, *o.Apart, int64(200e6))
		require.InDelta(t, float64(offset), float64(*o.Chronyd.Offset), 10e6)
		require.InDelta(t, float64(offset), float64(*o.Sources[0].Offset), 10e6)
		require.False(t, *o.Sources[0].Meets)
		o.Interval.contains(t, o.ReadAt)
		code, stdout, _ := clockctl(t, "sources", "--socket", client.Socket(), "-n", "1", servers[0].Addr.String())
		require.Equal(t, 1, code)
		require.Regexp(t, `(?m)finds the wall clock \d+\.\d ms `+word+`, wrong by`, stdout)
		require.Regexp(t, `(?m)^overlap      no: one of them is wrong, they are \d+\.\d ms apart$`, stdout)
		client.Stop()
		liar.Stop()
	}
}

// TestView_Compare: what chronyd claims, with its sign, and what follows from it; the numbers are
// round so that each term shows.
func TestView_Compare(t *testing.T) {
	const ms = time.Millisecond
	wall := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	reading := truetime.Reading{Nanos: 1e12, Epoch: 1}
	at := ntpprobe.Instant{Before: reading, After: reading, Wall: wall}
	ours := func(earliest, latest time.Duration) *ntpprobe.Report {
		line := func(d time.Duration) truetime.Line {
			return truetime.Line{At: reading.Nanos, Nanos: wall.Add(d).UnixNano()}
		}
		return &ntpprobe.Report{Bound: truetime.Bound{At: reading, Expires: 2e12, Generation: 1, Earliest: line(earliest), Latest: line(latest)}}
	}
	look := func(t chronyc.Tracking, r *ntpprobe.Report) (view, error) {
		v := view{at: at, where: "test", chronyd: chronyc.Report{Tracking: t}, ours: r}
		err := v.compare(400)
		return v, err
	}
	claim := chronyc.Tracking{State: chronyc.Synchronized, Offset: 250 * ms, RootDelay: 2 * ms, RootDispersion: 3 * ms}
	v, err := look(claim, nil)
	require.NoError(t, err)
	require.Equal(t, wall.Add(246*ms-101), v.claim.Earliest(), "the wall clock is slow; root delay/2 + root dispersion, and what may have been slewed")
	require.Equal(t, wall.Add(254*ms+101), v.claim.Latest())
	v, err = look(claim, ours(254*ms+101, 300*ms))
	require.NoError(t, err, "they share a moment")
	require.True(t, *v.json(err).Overlap)
	v, err = look(claim, ours(254*ms+102, 300*ms))
	require.ErrorContains(t, err, "1.000 ns apart: one of them is wrong")
	require.False(t, *v.json(err).Overlap)
	require.EqualValues(t, 1, *v.json(err).Apart)
	v, err = look(claim, &ntpprobe.Report{Err: &truetime.NoQuorumError{Best: 1, Needed: 2}})
	require.ErrorContains(t, err, "no quorum")
	require.Nil(t, v.json(err).Overlap)
	require.NotNil(t, v.json(err).Chronyd.Interval)

	for _, state := range []chronyc.State{chronyc.Unsynchronized, chronyc.Local} {
		claim.State = state
		v, err := look(claim, ours(0, ms))
		require.Error(t, err)
		require.Nil(t, v.claim, state)
		require.Nil(t, v.json(err).Overlap, "no claim, nothing to overlap")
	}
}

// TestView_SourcesAreMovedToo: a source's interval is around the wall clock, and as wide.
func TestView_SourcesAreMovedToo(t *testing.T) {
	wall := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	v := view{at: ntpprobe.Instant{Wall: wall}, blur: 5}
	interval, ok := v.interval(chronyc.Source{Measured: true, Offset: -3, Error: 10})
	require.True(t, ok)
	require.Equal(t, wall.Add(-18), interval.Earliest())
	require.Equal(t, wall.Add(12), interval.Latest())
	_, ok = v.interval(chronyc.Source{})
	require.False(t, ok)
}

// TestSources_Interrupted while a server is silent: what is known is printed, then the exit code
// says which signal it was.
func TestSources_Interrupted(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, _, err := silent.ReadFrom(make([]byte, 100))
		asked <- err
		cancel(&interruptedError{signal: os.Interrupt})
	}()
	daemon := (&chronyctest.Fake{Sources: 1}).Start(t)
	code, stdout, stderr := invoke(ctx, "sources", "--address", daemon, "--timeout", "1h", silent.LocalAddr().String())
	require.NoError(t, <-asked)
	require.Equal(t, exitInterrupted, code, stderr)
	require.Contains(t, stdout, "follows 127.0.9.10")
	require.Contains(t, stderr, "interrupted by signal interrupt")
}

// TestSources_InterruptedBesideASlowDaemon, which would keep us for minutes: the command ends soon,
// and says once why.
func TestSources_InterruptedBesideASlowDaemon(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var once sync.Once
	slow := &chronyctest.Fake{Sources: 900, Spoil: func(request, reply []byte) [][]byte {
		if request[5] == chronyctest.SourceData {
			once.Do(func() { cancel(&interruptedError{signal: os.Interrupt}) })
			return nil
		}
		return [][]byte{reply}
	}}
	code, _, stderr := invoke(ctx, "sources", "--address", slow.Start(t), "--timeout", "1h")
	require.Equal(t, exitInterrupted, code)
	require.Equal(t, "clockctl: sources: interrupted by signal interrupt\n", stderr)
}

// TestJumped: a slew and the time between the readings explain some of what the wall clock moved.
func TestJumped(t *testing.T) {
	at := func(nanos int64, wall time.Duration) ntpprobe.Instant {
		return ntpprobe.Instant{Before: truetime.Reading{Nanos: nanos}, After: truetime.Reading{Nanos: nanos + 100}, Wall: time.Unix(0, int64(wall))}
	}
	first := at(0, 0)
	for wall, want := range map[time.Duration]bool{
		1_000_000: false, 1_125_000: false, 875_000: false, // slewed by an eighth, either way
		1_300_000: true, 700_000: true, 0: true, -1: true, 1_001_000_000: true, -999_000_000: true,
	} {
		require.Equal(t, want, jumped(first, at(1_000_000, wall)), wall)
	}
}

// TestView_WhatIsNotKnownIsNull: a daemon without a time sends zeros, and a source that was not
// measured has neither a stratum nor an age.
func TestView_WhatIsNotKnownIsNull(t *testing.T) {
	for state, known := range map[chronyc.State]string{chronyc.Unsynchronized: `{}`, chronyc.Local: `{"stratum":1}`} {
		v := view{where: "test", chronyd: chronyc.Report{Tracking: chronyc.Tracking{State: state, Stratum: 1, Leap: "unsynchronized"}, Sources: []chronyc.Source{{Name: "nobody.invalid", Mode: "server", State: chronyc.Unusable}}}}
		o := v.json(nil)
		require.JSONEq(t, known, given(t, o.Chronyd, "where", "state", "leap", "frequency_ratio"), state)
		require.JSONEq(t, `{"name":"nobody.invalid"}`, given(t, o.Sources[0], "mode", "state", "poll_ns", "reach"))
	}
}

// given is an object without what is null and without these keys.
func given(t *testing.T, o any, but ...string) string {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	var keys map[string]any
	require.NoError(t, json.Unmarshal(text, &keys))
	maps.DeleteFunc(keys, func(key string, value any) bool { return value == nil || slices.Contains(but, key) })
	text, err = json.Marshal(keys)
	require.NoError(t, err)
	return string(text)
}
