package chronyd

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseTracking(t *testing.T) {
	got, err := parseTracking("7F000964,127.0.9.100,2,1795578402.866480189,-0.000001519,0.000000128,0.000000756,-0.071,0.005,0.310,0.000006480,0.000002534,1.0,Normal\n")
	require.NoError(t, err)
	require.Equal(t, Tracking{Synchronized: true, Correction: 1519, RootDelay: 6480, RootDispersion: 2534}, got)
	require.Equal(t, 5774*time.Nanosecond, got.Distance())
	got, err = parseTracking("00000000,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised")
	require.NoError(t, err)
	require.False(t, got.Synchronized)
	for _, bad := range []string{"", "506 Cannot talk to daemon", "a,b,c,d,x,f,g,h,i,j,k,l,m,n", "a,b,c,d,0,f,g,h,i,j,NaN,0,m,n"} {
		_, err = parseTracking(bad)
		require.Error(t, err, bad)
	}
}

// TestParseMeasurement_RoundsTheDelayUp: nobody who replays the log may have a shorter
// round trip than the daemon had.
func TestParseMeasurement_RoundsTheDelayUp(t *testing.T) {
	const line = "2026-11-25 03:46:43 127.0.9.100     N  1 111 111 1111   0  0 0.05 -6.540e-07  2.775e-03  3.492e-08  0.000e+00  0.000e+00 7F7F0101 4B K K\n"
	got, err := parseMeasurement(line)
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddr("127.0.9.100"), got.Server)
	require.True(t, got.Used)
	require.GreaterOrEqual(t, got.Delay, 2_775_500*time.Nanosecond, "2.7754999 ms are printed like this too")
	require.Less(t, got.Delay, 2_775_502*time.Nanosecond)
	got, err = parseMeasurement("2026-11-25 03:46:43 127.0.9.100     N  1 111 111 0111   0  0 0.05 -6.540e-07  9.999e-04  3.492e-08  0.000e+00  0.000e+00 7F7F0101 4B K K\n")
	require.NoError(t, err)
	require.False(t, got.Used)
	for _, bad := range []string{"", "=====", "a b c d e f g h i j k l m n o p q r s t"} {
		_, err = parseMeasurement(bad)
		require.Error(t, err, bad)
	}
}

// TestClient_FollowsAndTakesNotes: what it believes and what it saw can be read.
func TestClient_FollowsAndTakesNotes(t *testing.T) {
	a, b := netip.MustParseAddr("127.0.9.101"), netip.MustParseAddr("127.0.9.102")
	servers := []netip.AddrPort{Start(t, Config{IP: a}).Addr, Start(t, Config{IP: b}).Addr}
	client := StartClient(t, ClientConfig{Servers: servers, From: netip.MustParseAddr("127.0.9.201"), Poll: -2, MaxClockErrorPPM: 1})
	var now Tracking
	require.Eventually(t, func() bool {
		var err error
		now, err = client.Tracking()
		return err == nil && now.Synchronized
	}, startBudget, askEvery)
	require.Less(t, now.Correction, closeEnough)
	require.Positive(t, now.Distance())
	require.Regexp(t, `^[0-9]+\.[0-9]+`, Version(t))
	client.Stop()
	notes, err := client.Measurements()
	require.NoError(t, err)
	seen := map[netip.Addr]bool{}
	for _, n := range notes {
		require.Positive(t, n.Delay)
		seen[n.Server] = true
	}
	require.Equal(t, map[netip.Addr]bool{a: true, b: true}, seen)
}
