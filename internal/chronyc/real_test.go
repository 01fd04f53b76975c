package chronyc

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
)

func ip(last byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 9, last}) }

// followers starts honest servers and a liar, 250 ms ahead, and a daemon that follows them.
func followers(t *testing.T, from byte, honest int) *chronyd.Client {
	t.Helper()
	var servers []netip.AddrPort
	var first *chronyd.Daemon
	for i := range honest {
		d := chronyd.Start(t, chronyd.Config{IP: ip(from + byte(i))})
		servers = append(servers, d.Addr)
		first = d
	}
	liar := chronyd.Start(t, chronyd.Config{IP: ip(from + 8), Follow: first, Offset: 250 * time.Millisecond})
	client := chronyd.StartClient(t, chronyd.ClientConfig{Servers: append(servers, liar.Addr), From: ip(from + 9), Poll: -2, MaxClockErrorPPM: 1, Command: true})
	require.Eventually(t, func() bool {
		now, err := client.Tracking()
		text, err2 := client.Chronyc("-c", "sources")
		return err == nil && err2 == nil && now.Synchronized && strings.Contains(text, "^,x,")
	}, 20*time.Second, 50*time.Millisecond)
	return client
}

func reach(t *testing.T, o Options) *Daemon {
	t.Helper()
	o.Timeout = 5 * time.Second
	d, err := Reach(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// TestReport_OfARealDaemon: by its socket and by its port, three honest servers and a liar.
func TestReport_OfARealDaemon(t *testing.T) {
	client := followers(t, 160, 3)
	for _, o := range []Options{{Socket: client.Socket()}, {Address: client.Command().String()}} {
		d := reach(t, o)
		looks := 0
		r, err := d.Report(t.Context(), func() error { looks++; return nil })
		require.NoError(t, err)
		require.Positive(t, looks)
		require.Equal(t, Synchronized, r.State)
		require.Equal(t, "none", r.Leap)
		require.EqualValues(t, 2, r.Stratum)
		require.Contains(t, []string{"127.0.9.160", "127.0.9.161", "127.0.9.162"}, r.Reference)
		require.Less(t, r.Offset.Abs(), 20*time.Millisecond)
		require.Positive(t, r.Distance())
		require.GreaterOrEqual(t, r.ErrorBound(), r.Offset.Abs()+r.RootDelay/2+r.RootDispersion)
		updated, ok := r.Updated()
		require.True(t, ok)
		require.WithinDuration(t, time.Now(), updated, time.Minute)
		require.Len(t, r.Sources, 4)
		for i, s := range r.Sources {
			require.Equal(t, s.Address, s.Name)
			require.Equal(t, "server", s.Mode)
			require.True(t, s.Measured)
			require.Equal(t, 250*time.Millisecond, s.Poll)
			require.NotZero(t, s.Reach)
			require.Equal(t, d.Unix, s.Selection != "", "the words need the socket")
			if i == 3 {
				require.Equal(t, Falseticker, s.State)
				require.InDelta(t, 250e6, float64(s.Offset), 10e6, "the liar says that we are slow")
				continue
			}
			require.NotEqual(t, Falseticker, s.State)
			require.Less(t, s.Offset.Abs(), 10*time.Millisecond)
		}
		if d.Unix {
			require.Equal(t, "disagrees with the others", r.Sources[3].Selection)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(client.Socket()), "clockctl.*"))
	require.NoError(t, err)
	require.Len(t, left, 1, "one of the two is still open")
}

// TestReport_SaysWhatChronycSays, in our sign: a daemon that follows a liar alone believes that
// the wall clock is 250 ms slow; its own client says so in words.
func TestReport_SaysWhatChronycSays(t *testing.T) {
	truth := chronyd.Start(t, chronyd.Config{IP: ip(180)})
	for offset, word := range map[time.Duration]string{4 * time.Millisecond: "slow", 250 * time.Millisecond: "slow", -400 * time.Millisecond: "fast"} {
		liar := chronyd.Start(t, chronyd.Config{IP: ip(181), Follow: truth, Offset: offset})
		client := chronyd.StartClient(t, chronyd.ClientConfig{Servers: []netip.AddrPort{liar.Addr}, From: ip(182), Poll: -2, MaxClockErrorPPM: 1})
		require.Eventually(t, func() bool {
			now, err := client.Tracking()
			return err == nil && now.Synchronized && now.Distance() < offset.Abs()/8 // by its own account it may be off by that much
		}, 20*time.Second, 50*time.Millisecond)
		text, err := client.Chronyc("tracking")
		require.NoError(t, err)
		found := regexp.MustCompile(`System time +: ([\d.]+) seconds (slow|fast) of NTP`).FindStringSubmatch(text)
		require.Len(t, found, 3, text)
		require.Equal(t, word, found[2])
		size, err := strconv.ParseFloat(found[1], 64)
		require.NoError(t, err)
		r, err := reach(t, Options{Socket: client.Socket()}).Report(t.Context(), func() error { return nil })
		require.NoError(t, err)
		near := float64(offset.Abs()) / 4
		require.Equal(t, offset > 0, r.Offset > 0, "positive: the wall clock is slow")
		require.InDelta(t, size*1e9, float64(r.Offset.Abs()), near)
		require.InDelta(t, float64(offset), float64(r.Sources[0].Offset), near, "its source, against the wall clock and not against its own")
		require.InDelta(t, float64(offset), float64(r.Offset), near)
		frequency := regexp.MustCompile(`Frequency +: ([\d.]+) ppm (slow|fast)`).FindStringSubmatch(text)
		require.Len(t, frequency, 3, text)
		if ppm, _ := strconv.ParseFloat(frequency[1], 64); ppm > 1 {
			require.Equal(t, frequency[2] == "slow", r.Frequency > 0)
		}
		client.Stop()
		liar.Stop()
	}
}

// TestReport_ADaemonWithoutATime claims nothing: one that serves its own clock, and one whose
// sources do not answer.
func TestReport_ADaemonWithoutATime(t *testing.T) {
	lost := chronyd.StartClient(t, chronyd.ClientConfig{Servers: []netip.AddrPort{netip.AddrPortFrom(ip(190), 9)}, From: ip(191)})
	require.Eventually(t, func() bool { _, err := lost.Tracking(); return err == nil }, 20*time.Second, 50*time.Millisecond)
	r, err := reach(t, Options{Socket: lost.Socket()}).Report(t.Context(), func() error { return nil })
	require.NoError(t, err)
	require.Equal(t, Unsynchronized, r.State)
	require.Equal(t, "unsynchronized", r.Leap)
	_, ok := r.Updated()
	require.False(t, ok)
	require.Len(t, r.Sources, 1)
	require.False(t, r.Sources[0].Measured)
	require.Equal(t, Unusable, r.Sources[0].State)

	own := chronyd.Start(t, chronyd.Config{IP: ip(192)})
	r, err = reach(t, Options{Socket: own.Socket()}).Report(t.Context(), func() error { return nil })
	require.NoError(t, err)
	require.Equal(t, Local, r.State)
	require.Empty(t, r.Sources)
}

// TestReport_SourcesOfEachKind: a reference clock, which has no address, a name that does not
// resolve, and a server that nobody measured yet.
func TestReport_SourcesOfEachKind(t *testing.T) {
	dir, err := os.MkdirTemp("", "clock") // a short path, as for every socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	client := chronyd.StartClient(t, chronyd.ClientConfig{
		Servers: []netip.AddrPort{netip.AddrPortFrom(ip(193), 9)}, From: ip(194), Command: true,
		Also: []string{"refclock SOCK " + filepath.Join(dir, "gps") + " refid GPS", "server nobody.invalid"},
	})
	require.Eventually(t, func() bool { _, err := client.Tracking(); return err == nil }, 20*time.Second, 50*time.Millisecond)
	for _, o := range []Options{{Socket: client.Socket()}, {Address: client.Command().String()}} {
		r, err := reach(t, o).Report(t.Context(), func() error { return nil })
		require.NoError(t, err)
		kinds := map[string]Source{}
		for _, s := range r.Sources {
			require.False(t, s.Measured)
			require.Equal(t, o.Socket != "", s.Selection != "")
			kinds[s.Address+"/"+s.Name] = s
		}
		require.Len(t, kinds, 3)
		require.Equal(t, "reference clock", kinds["GPS/"].Mode)
		require.Equal(t, "server", kinds["/nobody.invalid"].Mode)
		require.Equal(t, "server", kinds["127.0.9.193/127.0.9.193"].Mode)
	}
}

// TestReach_BySomePath: the daemon works in another folder than we do, and replies all the same. A
// path that is too long, and one of no socket, say so.
func TestReach_BySomePath(t *testing.T) {
	client := chronyd.StartClient(t, chronyd.ClientConfig{Servers: []netip.AddrPort{netip.AddrPortFrom(ip(195), 9)}, From: ip(196)})
	require.Eventually(t, func() bool { _, err := client.Tracking(); return err == nil }, 20*time.Second, 50*time.Millisecond)
	t.Chdir(filepath.Dir(client.Socket()))
	reach(t, Options{Socket: filepath.Base(client.Socket())})

	_, err := Reach(t.Context(), Options{Socket: "log", Timeout: time.Second})
	require.ErrorContains(t, err, "log: it is no socket")
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 90))
	require.NoError(t, os.Mkdir(deep, 0o700))
	t.Chdir(deep)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "s", Net: "unixgram"})
	require.NoError(t, err)
	defer conn.Close()
	_, err = Reach(t.Context(), Options{Socket: "s", Timeout: time.Second})
	require.ErrorContains(t, err, "would have a path of more than 107 bytes")
}

// TestReach_NobodyAnswers says all that was tried, and leaves nothing behind.
func TestReach_NobodyAnswers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nothing.sock")
	_, err := Reach(t.Context(), Options{Socket: path, Timeout: time.Second})
	var none *NoDaemonError
	require.ErrorAs(t, err, &none)
	require.ErrorContains(t, err, path)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = Reach(t.Context(), Options{Socket: path, Timeout: time.Second})
	require.ErrorAs(t, err, &none)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)

	_, err = Reach(t.Context(), Options{Address: "127.0.0.1:1", Timeout: time.Second})
	require.ErrorAs(t, err, &none)
	require.ErrorContains(t, err, "127.0.0.1:1: connection refused")
	_, err = Reach(t.Context(), Options{Address: "192.0.2.1", Timeout: time.Second})
	require.ErrorAs(t, err, new(*NotLocalError))
	for _, bad := range []string{"nobody.invalid", "127.0.0.1:nonsense", "127.0.0.1:0"} {
		_, err = Reach(t.Context(), Options{Address: bad, Timeout: time.Second})
		require.ErrorAs(t, err, new(*net.AddrError), bad)
	}
}
