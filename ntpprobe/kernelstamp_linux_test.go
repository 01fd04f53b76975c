package ntpprobe

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trueclock/trueclock/truetime"
)

// waiting returns when a datagram waits at the socket, and leaves it there.
func waiting(t testing.TB, socket *net.UDPConn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Read(func(fd uintptr) bool {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return err != unix.EAGAIN
	}))
}

// dial connects to an honest server on loopback.
func dial(t testing.TB) *net.UDPConn {
	t.Helper()
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	socket, err := net.Dial("udp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = socket.Close() })
	return socket.(*net.UDPConn)
}

// delayed makes an exchange whose reply waits at the socket while the program
// is busy, and returns the local clock's reading when it is back.
func delayed(t *testing.T, local truetime.LocalClock, busy time.Duration) (c *exchangeConn, released truetime.Reading) {
	t.Helper()
	socket := dial(t)
	c = newExchangeConn(socket, local)
	_, err := c.Write(make([]byte, headerSize))
	require.NoError(t, err)
	waiting(t, socket)
	arrived, err := local.Read()
	require.NoError(t, err)
	for released.Nanos < arrived.Nanos+int64(busy) {
		released, err = local.Read()
		require.NoError(t, err)
	}
	_, err = c.Read(make([]byte, 1000))
	require.NoError(t, err)
	return c, released
}

// TestKernelStamp_SurvivesABusyProgram: the reply lay at the socket while we were
// busy, and T4 is of a moment before we were back. On a machine that is busy itself
// the rest of the exchange may take long too, so we stay away longer until it shows.
func TestKernelStamp_SurvivesABusyProgram(t *testing.T) {
	local := strictClock(t)
	for busy := time.Millisecond; ; busy *= 2 {
		c, released := delayed(t, local, busy)
		require.Greater(t, c.t4.Nanos, c.t1.Nanos)
		if c.t4.Nanos < released.Nanos {
			require.Greater(t, c.gain, time.Duration(released.Nanos-c.t4.Nanos), "our own reading came after we were back")
			return
		}
		require.Less(t, busy, time.Second, "no stamp was ever of use")
	}
}

// TestKernelStamp_NoSocketWithoutStampsIsTouched: a wrapper may do things of its
// own in Read, so it is read as before.
func TestKernelStamp_NoSocketWithoutStampsIsTouched(t *testing.T) {
	_, ok := stampingReceiver(dial(t))
	require.True(t, ok)
	_, ok = stampingReceiver(struct{ *net.UDPConn }{dial(t)})
	require.False(t, ok)
	_, ok = stampingReceiver(&memoryConn{})
	require.False(t, ok)
	closed := dial(t)
	require.NoError(t, closed.Close())
	_, ok = stampingReceiver(closed)
	require.False(t, ok)
}

// TestStampIn: what the kernel might put in a control message.
func TestStampIn(t *testing.T) {
	require.Zero(t, stampIn(nil))
	require.Zero(t, stampIn([]byte{1, 2, 3}))
	require.Zero(t, stampIn(unix.UnixRights(1, 2, 3, 4)), "another kind, as long as a stamp")
	require.Zero(t, stampIn(make([]byte, 64)))
}

// TestQuery_KernelStampsAreSound: a real server serves this machine's wall clock,
// and whatever the stamps gain, that clock is in the interval.
func TestQuery_KernelStampsAreSound(t *testing.T) {
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	local, used := strictClock(t), 0
	for range 500 {
		s, err := Query(t.Context(), Server{Address: address}, local)
		require.NoError(t, err)
		if s.KernelGain > 0 {
			used++
		}
		b, err := s.Bound(truetime.DefaultDriftPPB, time.Hour)
		require.NoError(t, err)
		at, err := ReadInstant(local)
		require.NoError(t, err)
		iv, err := at.Interval(b)
		require.NoError(t, err)
		require.True(t, iv.Contains(at.Wall), "%v does not contain %v", iv, at.Wall)
	}
	require.Positive(t, used)
}

// BenchmarkQuery_KernelStamps shows what the stamps gain on loopback: the delay
// of an exchange with them, and what they took off it.
//
//	go test ./ntpprobe -run '^$' -bench KernelStamps -benchtime 5000x
func BenchmarkQuery_KernelStamps(b *testing.B) {
	address := scripted(b, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	local := strictClock(b)
	var gains, delays []time.Duration
	for b.Loop() {
		s, err := Query(context.Background(), Server{Address: address}, local)
		if err != nil {
			b.Fatal(err)
		}
		gains, delays = append(gains, s.KernelGain), append(delays, s.Delay())
	}
	slices.Sort(gains)
	slices.Sort(delays)
	for name, list := range map[string][]time.Duration{"gain": gains, "delay": delays} {
		b.ReportMetric(float64(list[len(list)/2])/1e3, "µs-"+name+"-p50")
		b.ReportMetric(float64(list[len(list)*99/100])/1e3, "µs-"+name+"-p99")
	}
}
