package fleet

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends one client request and returns it and the first datagram that comes
// back within the time, nil for none.
func ask(t *testing.T, address string, within time.Duration) (request, reply []byte) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	require.NoError(t, err)
	defer conn.Close()
	request = make([]byte, headerSize)
	request[0] = 4<<3 | modeClient
	binary.BigEndian.PutUint64(request[40:], rand.Uint64())
	_, err = conn.Write(request)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(within)))
	buffer := make([]byte, maxDatagram)
	n, err := conn.Read(buffer)
	if err != nil {
		return request, nil
	}
	return request, buffer[:n]
}

func start(t *testing.T, c Config) *Server {
	t.Helper()
	s, err := Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// unixNano decodes a 32.32 stamp of era 0, rounded down.
func unixNano(stamp uint64) int64 {
	return (int64(stamp>>32)-ntpEpoch)*1e9 + int64(stamp&0xffffffff*1e9>>32)
}

// TestServer_OnEveryLoopbackAddress: the reply leaves from the address that was asked, or a
// connected client would never see it.
func TestServer_OnEveryLoopbackAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8")
	}
	s := start(t, Config{Addr: "0.0.0.0:0"})
	_, port, err := net.SplitHostPort(s.Addr())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "127.1.2.3", "127.255.255.254"} {
		_, reply := ask(t, net.JoinHostPort(host, port), 5*time.Second)
		require.Len(t, reply, headerSize, host)
	}
	require.Equal(t, 3, s.Requests())
}

func TestServer_HonestReply(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		if probe, err := net.ListenPacket("udp", addr); err != nil {
			t.Logf("skipping %s: %v", addr, err)
			continue
		} else {
			_ = probe.Close()
		}
		s := start(t, Config{Addr: addr, Stratum: 3, RootDelay: time.Nanosecond, RootDispersion: time.Second, ReferenceID: [4]byte{1, 2, 3, 4}})
		before := time.Now().UnixNano()
		request, reply := ask(t, s.Addr(), time.Second)
		after := time.Now().UnixNano()
		require.Len(t, reply, headerSize)
		require.Equal(t, byte(4<<3|modeServer), reply[0])
		require.Equal(t, byte(3), reply[1])
		require.Equal(t, request[40:48], reply[24:32], "the nonce is echoed")
		require.Equal(t, uint32(1), binary.BigEndian.Uint32(reply[4:]), "root fields round up")
		require.Equal(t, uint32(1<<16), binary.BigEndian.Uint32(reply[8:]))
		received, sent := unixNano(binary.BigEndian.Uint64(reply[32:])), unixNano(binary.BigEndian.Uint64(reply[40:]))
		require.LessOrEqual(t, before, received)
		require.LessOrEqual(t, received, sent+1, "rounded towards each other by less than a nanosecond")
		require.LessOrEqual(t, sent, after)
		require.Equal(t, 1, s.Requests())
	}
}

func TestServer_IgnoresWhatIsNotARequest(t *testing.T) {
	s := start(t, Config{})
	conn, err := net.Dial("udp", s.Addr())
	require.NoError(t, err)
	defer conn.Close()
	for _, bad := range [][]byte{{}, make([]byte, 47), make([]byte, 48)} { // the last has mode 0
		_, err = conn.Write(bad)
		require.NoError(t, err)
	}
	_, reply := ask(t, s.Addr(), time.Second)
	require.NotNil(t, reply)
	require.Equal(t, 1, s.Requests())
}

func TestServer_LiesByItsOffset(t *testing.T) {
	truth := int64(1_790_000_000_123_456_789)
	s := start(t, Config{Now: func() int64 { return truth }, Offset: 250 * time.Millisecond})
	_, reply := ask(t, s.Addr(), time.Second)
	require.InDelta(t, truth+250e6, unixNano(binary.BigEndian.Uint64(reply[40:])), 2)
	s.SetOffset(-time.Hour)
	_, reply = ask(t, s.Addr(), time.Second)
	require.InDelta(t, truth-3600e9, unixNano(binary.BigEndian.Uint64(reply[40:])), 2)
}

// TestStamp_RoundsTowardsEachOther and survives the era change of 2036.
func TestStamp_RoundsTowardsEachOther(t *testing.T) {
	for _, nanos := range []int64{0, 1, 999_999_999, 1_790_000_000_123_456_789, 2_085_978_495_999_999_999, 2_085_978_496_000_000_001, -1} {
		up, down := stamp(nanos, true), stamp(nanos, false)
		require.LessOrEqual(t, up-down, uint64(1))
		const era = 1 << 32
		seconds := ((nanos-((nanos%1e9+1e9)%1e9))/1e9 + ntpEpoch) % era
		require.Equal(t, uint32(seconds), uint32(down>>32), "%d", nanos)
	}
	require.Equal(t, uint64(0), stamp(2_085_978_496_000_000_000, false), "2036-02-07T06:28:16Z is second 0 of era 1")
}

func TestLies_AreWhatTheySay(t *testing.T) {
	reply := func(t *testing.T, lie func(_, _ []byte) [][]byte) []byte {
		_, b := ask(t, start(t, Config{Reply: lie}).Addr(), 200*time.Millisecond)
		return b
	}
	require.Nil(t, reply(t, Silent))
	kiss := reply(t, Kiss("RATE"))
	require.Equal(t, "RATE", string(kiss[12:16]))
	require.Equal(t, byte(0), kiss[1])
	require.Equal(t, byte(3), reply(t, Unsynchronized)[0]>>6)
	require.Len(t, reply(t, Truncated(40)), 40)
	held := reply(t, HeldFor(250*time.Millisecond))
	hold := unixNano(binary.BigEndian.Uint64(held[40:])) - unixNano(binary.BigEndian.Uint64(held[32:]))
	require.InDelta(t, 250e6, hold, 10e6)
	request, first := ask(t, start(t, Config{Reply: ForgedFirst}).Addr(), time.Second)
	require.NotEqual(t, request[40:48], first[24:32])
	require.LessOrEqual(t, len(reply(t, Garbage(1))), 2000)
}

func relay(t *testing.T, c RelayConfig) *Relay {
	t.Helper()
	r, err := StartRelay(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// TestRelay_EachDirectionTakesAtLeastItsMinimum, and they may differ.
func TestRelay_EachDirectionTakesAtLeastItsMinimum(t *testing.T) {
	var arrived atomic.Int64
	s := start(t, Config{Reply: func(_, honest []byte) [][]byte { arrived.Store(time.Now().UnixNano()); return [][]byte{honest} }})
	r := relay(t, RelayConfig{Upstream: s.Addr(), Forward: Path{Min: 30 * time.Millisecond}, Back: Path{Min: 5 * time.Millisecond, Jitter: time.Millisecond}})
	sent := time.Now()
	request, reply := ask(t, r.Addr(), time.Second)
	back := time.Now()
	require.Equal(t, request[40:48], reply[24:32])
	there := time.Unix(0, arrived.Load())
	require.GreaterOrEqual(t, there.Sub(sent.Round(0)), 30*time.Millisecond)
	require.GreaterOrEqual(t, back.Round(0).Sub(there), 5*time.Millisecond)
}

// TestRelay_TellsWhatPassed: the request and the reply, each with stamps around the
// moments at which the relay had it.
func TestRelay_TellsWhatPassed(t *testing.T) {
	s := start(t, Config{})
	passages := make(chan Passage, 2)
	r := relay(t, RelayConfig{Upstream: s.Addr(), Forward: Path{Min: time.Millisecond}, Back: Path{Min: time.Millisecond}, Passed: func(p Passage) { passages <- p }})
	before := time.Now().UnixNano()
	request, reply := ask(t, r.Addr(), time.Second)
	there, back := <-passages, <-passages
	require.True(t, there.ToServer)
	require.Equal(t, request, there.Datagram)
	require.False(t, back.ToServer)
	require.Equal(t, reply, back.Datagram)
	require.Equal(t, there.Client, back.Client)
	served := unixNano(binary.BigEndian.Uint64(reply[32:]))
	require.IsNonDecreasing(t, []int64{before, there.Read, there.Sending, served, back.Read, back.Sending, back.Sent})
	require.Zero(t, there.Sent, "told before it was sent, so never after its reply")
}

func TestRelay_LosesAndCloses(t *testing.T) {
	s := start(t, Config{})
	lossy := relay(t, RelayConfig{Upstream: s.Addr(), Forward: Path{Loss: 1}})
	_, reply := ask(t, lossy.Addr(), 50*time.Millisecond)
	require.Nil(t, reply)
	require.Zero(t, s.Requests())
	slow := relay(t, RelayConfig{Upstream: s.Addr(), Forward: Path{Min: time.Hour}})
	ask(t, slow.Addr(), 20*time.Millisecond)
	_ = slow.Close() // with a datagram on its way; goleak sees what is left
	_ = slow.Close()
}

func TestPath_TheSeedDecides(t *testing.T) {
	p := Path{Min: time.Millisecond, Jitter: time.Millisecond, Loss: 0.3, Duplicate: 0.3}
	draws := func(seed uint64) (all [][]time.Duration) {
		random := rand.New(rand.NewPCG(seed, 1))
		for range 1000 {
			all = append(all, p.draw(random))
		}
		return all
	}
	a := draws(1)
	require.Equal(t, a, draws(1))
	require.NotEqual(t, a, draws(2))
	copies := map[int]int{}
	for _, delays := range a {
		copies[len(delays)]++
		for _, d := range delays {
			require.GreaterOrEqual(t, d, p.Min)
		}
	}
	require.InDelta(t, 300, copies[0], 60)
	require.InDelta(t, 210, copies[2], 60)
}
