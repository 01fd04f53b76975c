package ntpprobe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// scripted is a UDP socket on loopback that answers each request with the
// datagrams of a function. It returns its address.
func scripted(t testing.TB, reply func(request []byte) [][]byte) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return
			}
			for _, datagram := range reply(bytes.Clone(buffer[:n])) {
				_, _ = conn.WriteToUDPAddrPort(datagram, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

// ntpTime encodes unix nanoseconds as 32.32 seconds since 1900.
func ntpTime(nanos int64) uint64 {
	const era = 2_208_988_800
	seconds, rest := nanos/1e9+era, nanos%1e9
	return uint64(seconds)<<32 | uint64(rest)<<32/1e9
}

// honestReply answers with the wall clock, as stratum 1.
func honestReply(request []byte) []byte {
	reply := make([]byte, headerSize)
	reply[0], reply[1], reply[3] = 4<<3|4, 1, 0xec // version 4, mode 4; stratum 1; precision 2^-20
	copy(reply[24:32], request[40:48])
	now := ntpTime(time.Now().UnixNano())
	binary.BigEndian.PutUint64(reply[32:], now)
	binary.BigEndian.PutUint64(reply[40:], now)
	return reply
}

func strictClock(t testing.TB) truetime.LocalClock {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	return local
}

// reasonOf asks once and returns the reason for which the reply is rejected.
func reasonOf(t *testing.T, address string, timeout time.Duration) Reason {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err := Query(ctx, Server{Address: address}, strictClock(t))
	var rejected *RejectedError
	require.ErrorAs(t, err, &rejected)
	require.NotEmpty(t, rejected.Detail)
	require.Contains(t, err.Error(), address)
	return rejected.Reason
}

func TestQuery_AnHonestServer(t *testing.T) {
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	local := strictClock(t)
	s, err := Query(t.Context(), Server{Address: address}, local)
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddrPort(address), s.Remote)
	require.Equal(t, uint8(1), s.Header.Stratum)
	require.Positive(t, s.Delay())
	b, err := s.Bound(truetime.DefaultDriftPPB, time.Hour)
	require.NoError(t, err)
	at, err := ReadInstant(local)
	require.NoError(t, err)
	iv, err := at.Interval(b)
	require.NoError(t, err)
	require.True(t, iv.Contains(at.Wall), "%v does not contain %v", iv, at.Wall)
}

// TestQuery_SkipsWhatIsNotForUs: forged, late and reflected datagrams come
// first; the exchange waits for the one that echoes the nonce. Believing the
// forgery would put the answer an hour off.
func TestQuery_SkipsWhatIsNotForUs(t *testing.T) {
	address := scripted(t, func(request []byte) [][]byte {
		forged := honestReply(request)
		forged[24] ^= 0xff
		binary.BigEndian.PutUint64(forged[32:], ntpTime(time.Now().Add(time.Hour).UnixNano()))
		binary.BigEndian.PutUint64(forged[40:], ntpTime(time.Now().Add(time.Hour).UnixNano()))
		return [][]byte{forged, request, {}, bytes.Repeat([]byte{0x24}, 2000), honestReply(request)[:47], honestReply(request)}
	})
	s, err := Query(t.Context(), Server{Address: address}, strictClock(t))
	require.NoError(t, err)
	require.InDelta(t, time.Now().UnixNano(), s.T2, 10e9)
}

// TestQuery_OnlyStrays: datagrams came, so the server is not unreachable, and
// none was a reply.
func TestQuery_OnlyStrays(t *testing.T) {
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{[]byte("hello"), request} })
	require.Equal(t, ReasonMalformed, reasonOf(t, address, 100*time.Millisecond))
}

// TestQuery_RecordedPackets replays what real servers sent.
func TestQuery_RecordedPackets(t *testing.T) {
	for name, r := range recorded(t) {
		t.Run(name, func(t *testing.T) {
			s := Sample{Server: Server{Address: "192.0.2.1"}, T1: truetime.Reading{Nanos: 1, Epoch: 1}, T4: truetime.Reading{Nanos: 2_000_000, Epoch: 1}}
			err := exchangeOver(t, &s, r.packet)
			if r.want == "ok" {
				require.NoError(t, err)
				return
			}
			var rejected *RejectedError
			require.ErrorAs(t, err, &rejected)
			require.Equal(t, Reason(r.want), rejected.Reason)
		})
	}
}

// exchangeOver runs the real exchange on an in-memory connection that answers
// with one datagram, its nonce patched in, and then nothing. The local clock
// reads s.T1 and s.T4.
func exchangeOver(t testing.TB, s *Sample, reply []byte) error {
	t.Helper()
	session, err := newSession(s.Server, &twoReadings{first: s.T1, then: s.T4}, Limits{}, nil)
	require.NoError(t, err)
	*s, err = session.exchangeOn(t.Context(), Sample{Server: s.Server}, &memoryConn{reply: bytes.Clone(reply)})
	return err
}

type twoReadings struct {
	first, then truetime.Reading
	read        bool
}

func (c *twoReadings) Read() (truetime.Reading, error) {
	if !c.read {
		c.read = true
		return c.first, nil
	}
	return c.then, nil
}

// memoryConn answers with one datagram and then times out.
type memoryConn struct {
	net.Conn // nil: whatever is not implemented must not be called
	reply    []byte
	answered bool
}

func (c *memoryConn) Write(request []byte) (int, error) {
	if len(c.reply) >= 32 {
		copy(c.reply[24:32], request[40:48])
	}
	return len(request), nil
}

func (c *memoryConn) Read(buffer []byte) (int, error) {
	if c.answered {
		return 0, context.DeadlineExceeded
	}
	c.answered = true
	return copy(buffer, c.reply), nil
}

func (c *memoryConn) SetDeadline(time.Time) error { return nil }
func (c *memoryConn) Close() error                { return nil }
func (c *memoryConn) LocalAddr() net.Addr         { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 99)} }

func TestQuery_NobodyThere(t *testing.T) {
	closed, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	address := closed.LocalAddr().String()
	require.NoError(t, closed.Close())
	require.Equal(t, ReasonRefused, reasonOf(t, address, time.Second))

	mute := scripted(t, func([]byte) [][]byte { return nil })
	require.Equal(t, ReasonTimeout, reasonOf(t, mute, 50*time.Millisecond))
	require.Equal(t, ReasonResolve, reasonOf(t, "nobody.invalid", time.Second))
}

// TestQuery_TheContextRulesEverything: ended before, cancelled during.
func TestQuery_TheContextRulesEverything(t *testing.T) {
	mute := Server{Address: scripted(t, func([]byte) [][]byte { return nil })}
	local := strictClock(t)

	ended, cancel := context.WithCancelCause(t.Context())
	why := errors.New("shutting down")
	cancel(why)
	_, err := Query(ended, mute, local)
	require.ErrorIs(t, err, why)

	past, cancelPast := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelPast()
	_, err = Query(past, mute, local)
	require.ErrorIs(t, err, context.DeadlineExceeded)

	asked := make(chan struct{}, 1)
	hung := Server{Address: scripted(t, func([]byte) [][]byte { asked <- struct{}{}; return nil })}
	ctx, cancelNow := context.WithCancel(t.Context())
	go func() { <-asked; cancelNow() }()
	began := time.Now()
	_, err = Query(ctx, hung, local)
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, time.Since(began), DefaultTimeout, "it did not wait for the time-out")
}

// TestQuery_ALocalClockThatFails is our fault and not the server's.
func TestQuery_ALocalClockThatFails(t *testing.T) {
	address := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	broken := truetimetest.NewManual(1)
	why := errors.New("seccomp says no")
	broken.Fail(why)
	_, err := Query(t.Context(), Server{Address: address}, broken)
	require.ErrorIs(t, err, why)
	require.False(t, errors.As(err, new(*RejectedError)))
	_, err = Query(t.Context(), Server{Address: address}, nil)
	require.ErrorAs(t, err, new(*ConfigError))
	_, err = Query(t.Context(), Server{Address: "a:0"}, broken)
	require.ErrorAs(t, err, new(*AddressError))
}

// TestIsReferenceOf: a server that takes its time from us would agree with
// anything we say.
func TestIsReferenceOf(t *testing.T) {
	require.True(t, isReferenceOf(0xc0000263, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 99)}))
	require.False(t, isReferenceOf(0xc0000264, &net.UDPAddr{IP: net.IPv4(192, 0, 2, 99)}))
	require.False(t, isReferenceOf(0x7f000001, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}), "loopback is shared")
	require.True(t, isReferenceOf(0x39ab9b37, &net.UDPAddr{IP: net.ParseIP("2001:db8::1")}), "the MD5 of the address")
	require.False(t, isReferenceOf(1, &net.UnixAddr{}))
}

// logged notes when the local clock is read and when packets pass.
type logged struct {
	memoryConn
	truetime.LocalClock
	events []string
}

func (l *logged) Read() (truetime.Reading, error) {
	l.events = append(l.events, "clock")
	return l.LocalClock.Read()
}

// wire is the socket side of logged; its Read is another one.
type wire struct{ *logged }

func (w wire) Write(b []byte) (int, error) {
	w.events = append(w.events, "sent")
	return w.memoryConn.Write(b)
}

func (w wire) Read(b []byte) (int, error) {
	n, err := w.memoryConn.Read(b)
	w.events = append(w.events, "received")
	return n, err
}

func (w wire) Close() error                     { return nil }
func (w wire) SetDeadline(time.Time) error      { return nil }
func (w wire) LocalAddr() net.Addr              { return w.memoryConn.LocalAddr() }
func (w wire) RemoteAddr() net.Addr             { return w.memoryConn.LocalAddr() }
func (w wire) SetReadDeadline(time.Time) error  { return nil }
func (w wire) SetWriteDeadline(time.Time) error { return nil }

// TestQuery_StampsOnTheSafeSide: T1 just before the packet leaves and T4 after the reply
// has come. The other order would narrow the interval by what lies between.
func TestQuery_StampsOnTheSafeSide(t *testing.T) {
	l := &logged{memoryConn: memoryConn{reply: recorded(t)["honest"].packet}, LocalClock: strictClock(t)}
	session, err := newSession(Server{Address: "192.0.2.1"}, l, Limits{}, nil)
	require.NoError(t, err)
	_, _ = session.exchangeOn(t.Context(), Sample{Server: session.server}, wire{l}) // the recorded hold is longer than this round trip
	require.Equal(t, []string{"clock", "sent", "received", "clock"}, l.events)
}

// TestQuery_ARejectedSampleCanBeShown: whatever precision a hostile server claims.
func TestQuery_ARejectedSampleCanBeShown(t *testing.T) {
	for _, exponent := range []byte{5, 127, 0x80, 0} {
		address := scripted(t, func(request []byte) [][]byte {
			reply := honestReply(request)
			reply[3] = exponent
			return [][]byte{reply}
		})
		s, err := Query(t.Context(), Server{Address: address}, strictClock(t))
		if exponent == 0 {
			require.NoError(t, err)
			require.Greater(t, s.RootDistance(), time.Second)
			continue
		}
		require.ErrorAs(t, err, new(*RejectedError))
		require.Positive(t, s.RootDistance())
	}
}

// TestQuery_SlackWidensTheExchange: with a local clock that is not exact the
// request left no earlier, and the reply came no later, than the sample says.
func TestQuery_SlackWidensTheExchange(t *testing.T) {
	local := &twoReadings{
		first: truetime.Reading{Nanos: 5_000_000_000, Epoch: 1, Slack: time.Millisecond},
		then:  truetime.Reading{Nanos: 5_100_000_000, Epoch: 1, Slack: 2 * time.Millisecond},
	}
	session, err := newSession(Server{Address: "192.0.2.1"}, local, Limits{}, nil)
	require.NoError(t, err)
	s, err := session.exchangeOn(t.Context(), Sample{Server: session.server}, &memoryConn{reply: recorded(t)["honest"].packet})
	require.NoError(t, err)
	require.Equal(t, truetime.Reading{Nanos: 4_999_000_000, Epoch: 1}, s.T1)
	require.Equal(t, truetime.Reading{Nanos: 5_102_000_000, Epoch: 1}, s.T4)
	s.T1.Slack = 1
	var rejected *RejectedError
	require.ErrorAs(t, s.Check(Limits{}), &rejected, "such a sample has no slack of its own")
}
