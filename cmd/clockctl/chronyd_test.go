package main

import (
	"bytes"
	"errors"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
)

// These tests run the built program against real chronyd daemons. The daemons
// serve the operating system's time, which is therefore the truth: it was read
// at read_at, and must lie in the interval.

// program builds clockctl once.
var program = sync.OnceValues(func() (string, error) {
	out := filepath.Join(buildDir, "clockctl")
	output, err := exec.Command("go", "build", "-o", out, ".").CombinedOutput()
	if err != nil {
		return "", errors.New(string(output))
	}
	return out, nil
})

// clockctl runs the built program and returns its exit code and output.
func clockctl(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), out.String(), errs.String()
	}
	require.NoError(t, err)
	return 0, out.String(), errs.String()
}

// probeDaemons runs `probe -o json` and checks everything that must hold of any
// answer.
func probeDaemons(t *testing.T, flags []string, daemons ...*chronyd.Daemon) (code int, p probed, stderr string) {
	t.Helper()
	args := append([]string{"probe", "-o", "json"}, flags...)
	for _, d := range daemons {
		args = append(args, d.Addr.String())
	}
	code, stdout, stderr := clockctl(t, args...)
	p = parseProbe(t, stdout)
	require.Len(t, p.Sources, len(daemons))
	if p.Interval != nil {
		p.consistent(t)
	}
	return code, p, stderr
}

// containsOSTime asserts I1 against the truth of these tests.
func (p probed) containsOSTime(t *testing.T) {
	t.Helper()
	require.NotNil(t, p.Interval)
	readAt := moment(t, p.ReadAt)
	require.False(t, readAt.Before(moment(t, p.Interval.Earliest)), "earliest %s is after the truth %s", p.Interval.Earliest, p.ReadAt)
	require.False(t, readAt.After(moment(t, p.Interval.Latest)), "latest %s is before the truth %s", p.Interval.Latest, p.ReadAt)
}

func reason(s probedSource) string {
	if s.Reason == nil {
		return ""
	}
	return *s.Reason
}

func honest(t *testing.T, n int) (daemons []*chronyd.Daemon) {
	t.Helper()
	for i := range n {
		daemons = append(daemons, chronyd.Start(t, chronyd.Config{IP: netip.AddrFrom4([4]byte{127, 0, 9, byte(100 + i)})}))
	}
	return daemons
}

// TestChronyd_ThreeHonestOneFalseticker: containment in each of many runs, less
// than 2 ms of uncertainty, and the falseticker named.
func TestChronyd_ThreeHonestOneFalseticker(t *testing.T) {
	fleet := honest(t, 3)
	fleet = append(fleet, chronyd.Start(t, chronyd.Config{Follow: fleet[0], Offset: 250 * time.Millisecond}))
	for range 20 {
		code, p, stderr := probeDaemons(t, []string{"-n", "4", "-i", "5ms"}, fleet...)
		require.Equal(t, 0, code, stderr)
		p.containsOSTime(t)
		require.Less(t, p.Interval.Uncertainty, int64(2*time.Millisecond))
		require.Equal(t, 3, p.Agreed)
		require.Equal(t, 1, p.FaultyTolerated)
		liar := p.Sources[3]
		require.Equal(t, "falseticker", liar.State)
		require.Equal(t, "outside_agreement", reason(liar))
		require.InDelta(t, 250e6, float64(*liar.Offset), 10e6, "positive: it says that we are slow")
	}
	code, stdout, _ := clockctl(t, "now", "--wait", fleet[0].Addr.String(), fleet[1].Addr.String(), fleet[2].Addr.String())
	require.Equal(t, 0, code)
	returned := time.Now()
	require.True(t, moment(t, strings.Fields(stdout)[1]).Before(returned), "latest has passed when it returns")
}

// TestChronyd_TwoLiarsOfThree contradict each other and the honest one: no
// interval, exit code 1, and a message a person understands.
func TestChronyd_TwoLiarsOfThree(t *testing.T) {
	fleet := honest(t, 1)
	for _, offset := range []time.Duration{250 * time.Millisecond, -400 * time.Millisecond} {
		fleet = append(fleet, chronyd.Start(t, chronyd.Config{Follow: fleet[0], Offset: offset}))
	}
	code, p, stderr := probeDaemons(t, nil, fleet...)
	require.Equal(t, 1, code)
	require.Nil(t, p.Interval)
	require.Equal(t, "no_quorum", (*p.Error)["code"])
	require.Equal(t, "clockctl: probe: no quorum: no two of 3 sources share a point, 2 needed (1 may lie); "+
		"more of them lie than --max-faulty allows: compare their offsets and name more servers of different operators\n", stderr)
}

// TestChronyd_AKilledServerIsUnreachable, and the other three are enough.
func TestChronyd_AKilledServerIsUnreachable(t *testing.T) {
	fleet := honest(t, 4)
	fleet[2].Stop()
	code, p, stderr := probeDaemons(t, []string{"-n", "2"}, fleet...)
	require.Equal(t, 0, code, stderr)
	p.containsOSTime(t)
	require.Equal(t, 3, p.Agreed)
	require.Equal(t, "unreachable", p.Sources[2].State)
	require.Equal(t, "refused", reason(p.Sources[2]))
}

// TestChronyd_AnInconsistentServerIsRejected: its transmit stamp is faked and its
// receive stamp is not, so it held the packet for longer than the round trip took.
func TestChronyd_AnInconsistentServerIsRejected(t *testing.T) {
	chronyd.RequireFaketime(t)
	fleet := append(honest(t, 3), chronyd.Start(t, chronyd.Config{Faketime: 250 * time.Millisecond}))
	code, p, stderr := probeDaemons(t, []string{"-n", "2"}, fleet...)
	require.Equal(t, 0, code, stderr)
	p.containsOSTime(t)
	require.Equal(t, "rejected", p.Sources[3].State)
	require.Equal(t, "impossible", reason(p.Sources[3]))
	require.Zero(t, p.Sources[3].Samples)
}

// TestChronyd_AServerWithoutASource is not synchronized, which is no lie.
func TestChronyd_AServerWithoutASource(t *testing.T) {
	fleet := append(honest(t, 3), chronyd.Start(t, chronyd.Config{Unready: true}))
	require.Eventually(t, func() bool { _, ok := fleet[3].Ask(100 * time.Millisecond); return ok }, 10*time.Second, 10*time.Millisecond)
	code, p, stderr := probeDaemons(t, []string{"-n", "2"}, fleet...)
	require.Equal(t, 0, code, stderr)
	p.containsOSTime(t)
	require.Equal(t, "rejected", p.Sources[3].State)
	require.Equal(t, "unsynchronized", reason(p.Sources[3]))
}

// TestChronyd_SevenOverIPv6WithTwoLiars: another shape, f = 2.
func TestChronyd_SevenOverIPv6WithTwoLiars(t *testing.T) {
	var fleet []*chronyd.Daemon
	for range 5 {
		fleet = append(fleet, chronyd.Start(t, chronyd.Config{IP: netip.IPv6Loopback()}))
	}
	for _, offset := range []time.Duration{3 * time.Second, -10 * time.Millisecond} {
		fleet = append(fleet, chronyd.Start(t, chronyd.Config{IP: netip.IPv6Loopback(), Follow: fleet[0], Offset: offset}))
	}
	code, p, stderr := probeDaemons(t, []string{"-n", "2"}, fleet...)
	require.Equal(t, 0, code, stderr)
	p.containsOSTime(t)
	require.Equal(t, 2, p.FaultyTolerated)
	require.Equal(t, 5, p.Agreed)
	require.Equal(t, "falseticker", p.Sources[5].State)
	require.Equal(t, "falseticker", p.Sources[6].State)
}
