package chronyc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire numbers, a second time: the tests must not depend on what they test.
const (
	cmdNSources, cmdSourceData, cmdTracking, cmdSourceStats, cmdSourceName = 14, 15, 33, 34, 65
	rpyNSources, rpySourceData, rpyTracking, rpySourceStats, rpySourceName = 2, 3, 5, 6, 19
)

// float packs a number as the daemon does: 7 bits of exponent, 25 of coefficient.
func float(x float64) uint32 {
	if x == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(x) // x = fraction · 2^exponent, |fraction| in [1/2, 1)
	coefficient := int32(math.Round(fraction * (1 << 24)))
	return uint32(exponent+1)<<25 | uint32(coefficient)&(1<<25-1)
}

func ipv4(a, b, c, d byte) []byte {
	return append([]byte{a, b, c, d}, append(make([]byte, 12), 0, 1, 0, 0)...)
}

func words(parts ...any) []byte {
	var out bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&out, binary.BigEndian, p); err != nil {
			panic(err)
		}
	}
	return out.Bytes()
}

// fake is a daemon whose answers can be spoilt.
type fake struct {
	offset     float64 // what it would add to the wall clock
	leap       uint16
	sources    uint32
	state      uint16
	updates    bool // it corrects its clock all the time
	spoil      func(request, reply []byte) [][]byte
	statistics []byte // address
}

func (f *fake) answer(request []byte, number int) []byte {
	command := binary.BigEndian.Uint16(request[4:])
	var kind uint16
	var body []byte
	updated := uint32(1_700_000_000)
	if f.updates {
		updated += uint32(number)
	}
	switch command {
	case cmdTracking:
		kind, body = rpyTracking, words(uint32(0x7f00090a), ipv4(127, 0, 9, 10), uint16(2), f.leap, [3]uint32{0, updated, 5},
			float(f.offset), float(1e-6), float(1e-6), float(-3.5), float(0), float(0.1), float(0.002), float(0.001), float(16))
	case cmdNSources:
		kind, body = rpyNSources, words(f.sources)
	case cmdSourceData:
		kind, body = rpySourceData, words(ipv4(127, 0, 9, 10), int16(6), uint16(1), f.state, uint16(0), uint16(0), uint16(0o377), uint32(9), float(-0.004), float(-0.003), float(0.001))
	case cmdSourceStats:
		kind, body = rpySourceStats, words(uint32(0x7f00090a), f.statistics, uint32(8), uint32(4), uint32(64), float(1e-6), float(0), float(10), float(0), float(0))
	case cmdSourceName:
		name := [256]byte{}
		copy(name[:], "ntp1.\x1b[31mexample")
		kind, body = rpySourceName, name[:]
	}
	head := words(uint8(6), uint8(2), uint16(0), command, kind, uint16(0), [3]uint16{}, binary.BigEndian.Uint32(request[8:]), [2]uint32{})
	return append(head, body...)
}

// start serves on loopback until the test ends.
func (f *fake) start(t testing.TB) string {
	t.Helper()
	if f.statistics == nil {
		f.statistics = ipv4(127, 0, 9, 10)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for number := 0; ; number++ {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			request := slices.Clone(b[:n])
			replies := [][]byte{f.answer(request, number)}
			if f.spoil != nil {
				replies = f.spoil(request, replies[0])
			}
			for _, reply := range replies {
				_, _ = conn.WriteToUDPAddrPort(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

func askFake(t *testing.T, f *fake) (Report, error) {
	t.Helper()
	d, err := Reach(t.Context(), Options{Address: f.start(t), Timeout: 300 * time.Millisecond})
	if err != nil {
		return Report{}, err
	}
	defer d.Close()
	return d.Report(t.Context(), func() error { return nil })
}

// TestReport_OfAFakeDaemon: numbers and signs.
func TestReport_OfAFakeDaemon(t *testing.T) {
	r, err := askFake(t, &fake{offset: 0.25, sources: 1, state: 2})
	require.NoError(t, err)
	require.Equal(t, Synchronized, r.State)
	require.Equal(t, "127.0.9.10", r.Reference)
	require.InDelta(t, 250e6, float64(r.Offset), 10, "slow")
	require.InDelta(t, 3.5e-6, r.Frequency, 1e-12, "slow")
	require.GreaterOrEqual(t, r.RootDelay, 2*time.Millisecond)
	require.GreaterOrEqual(t, r.RootDispersion, time.Millisecond)
	require.InDelta(t, 2e6, float64(r.Distance()), 100)
	require.InDelta(t, 252e6, float64(r.ErrorBound()), 100)
	s := r.Sources[0]
	require.Equal(t, Source{
		Address: "127.0.9.10", Name: "ntp1.[31mexample", Mode: "server", State: Falseticker, Stratum: 1, Poll: 64 * time.Second, Reach: 0o377,
		Measured: true, Age: 9 * time.Second, Offset: s.Offset, Error: s.Error,
	}, s)
	require.InDelta(t, 253e6, float64(s.Offset), 10, "3 ms ahead of a clock that is 250 ms ahead of ours")
	require.InDelta(t, 1e6+100e3, float64(s.Error), 500, "1 ms, and 10 s at 10 ppm")
	require.GreaterOrEqual(t, s.Error, 1_100*time.Microsecond)
}

// TestReport_WhatIsNotForUsIsSkipped: the reply that counts may come behind others.
func TestReport_WhatIsNotForUsIsSkipped(t *testing.T) {
	for name, other := range map[string]func(reply []byte) []byte{
		"an earlier reply, late": func(b []byte) []byte { b[19]--; return b },
		"to another command":     func(b []byte) []byte { b[5] ^= 1; return b },
		"a request":              func(b []byte) []byte { b[1] = 1; return b },
		"another version":        func(b []byte) []byte { b[0] = 5; return b },
		"half a header":          func(b []byte) []byte { return b[:replyHead-1] },
		"nothing":                func([]byte) []byte { return nil },
	} {
		spoilt := &fake{offset: 0.25, sources: 1, spoil: func(_, reply []byte) [][]byte {
			lie := slices.Clone(reply)
			copy(lie[replyHead:], make([]byte, 8)) // what would be believed
			return [][]byte{other(lie), reply}
		}}
		r, err := askFake(t, spoilt)
		require.NoError(t, err, name)
		require.InDelta(t, 250e6, float64(r.Offset), 10, name)
		only := &fake{spoil: func(_, reply []byte) [][]byte { return [][]byte{other(reply)} }}
		_, err = askFake(t, only)
		require.ErrorContains(t, err, "no reply within 300ms, but 1 datagrams that were none", name)
	}
}

// TestReport_BadReplies: a typed error for each.
func TestReport_BadReplies(t *testing.T) {
	spoil := func(command uint16, change func([]byte) []byte) *fake {
		return &fake{sources: 1, spoil: func(request, reply []byte) [][]byte {
			if binary.BigEndian.Uint16(request[4:]) == command {
				reply = change(reply)
			}
			return [][]byte{reply}
		}}
	}
	put := func(command uint16, at int, value uint32) *fake {
		return spoil(command, func(b []byte) []byte { binary.BigEndian.PutUint32(b[replyHead+at:], value); return b })
	}
	for name, f := range map[string]*fake{
		"it is short":                   spoil(cmdTracking, func(b []byte) []byte { return b[:replyHead+20] }),
		"a header alone":                spoil(cmdSourceData, func(b []byte) []byte { return b[:replyHead] }),
		"of another type":               spoil(cmdSourceStats, func(b []byte) []byte { b[7] = rpyNSources; return b }),
		"of a type that nobody knows":   spoil(cmdSourceStats, func(b []byte) []byte { b[7] = 200; return b }),
		"leap status 4":                 {leap: 4},
		"a million sources":             {sources: 1_000_000},
		"4 billion sources":             {sources: math.MaxUint32},
		"an unknown state":              {sources: 1, state: 6},
		"statistics of another":         {sources: 1, statistics: ipv4(127, 0, 9, 11)},
		"a correction beyond belief":    {offset: 3e9},
		"a negative root delay":         put(cmdTracking, 20+4+4+12+24, float(-1)),
		"a negative root dispersion":    put(cmdTracking, 20+4+4+12+28, float(-1)),
		"an endless root dispersion":    put(cmdTracking, 20+4+4+12+28, float(1e12)),
		"a negative error of a source":  put(cmdSourceData, 20+6*2+4+8, float(-1)),
		"an offset beyond belief":       put(cmdSourceData, 20+6*2+4+4, float(-1e12)),
		"a rate that nobody could have": put(cmdSourceStats, 4+20+12+8, float(1e18)),
	} {
		_, err := askFake(t, f)
		var malformed *MalformedError
		if none := new(NoDaemonError); errors.As(err, &none) {
			require.ErrorContains(t, err, "malformed", name)
			continue
		}
		require.ErrorAs(t, err, &malformed, name)
	}
	_, err := askFake(t, spoil(cmdSourceName, func(b []byte) []byte { b[9] = unauthorised; return b }))
	var status *StatusError
	require.ErrorAs(t, err, &status)
	require.ErrorContains(t, err, "not authorised")
	_, err = askFake(t, spoil(cmdTracking, func(b []byte) []byte { b[0], b[9] = 7, badVersion; return b }))
	require.ErrorContains(t, err, "another version")
	_, err = askFake(t, &fake{sources: 1, updates: true})
	require.ErrorContains(t, err, "ask again")
	_, err = askFake(t, &fake{spoil: func(_, _ []byte) [][]byte { return nil }})
	require.ErrorContains(t, err, "no reply within 300ms")
}

// TestReport_EndsWithItsContext, although the daemon is silent.
func TestReport_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := make(chan struct{}, 1)
	f := &fake{spoil: func(_, _ []byte) [][]byte { asked <- struct{}{}; return nil }}
	address := f.start(t)
	go func() { <-asked; cancel(errors.New("enough")) }()
	_, err := Reach(ctx, Options{Address: address, Timeout: time.Hour})
	require.EqualError(t, err, "enough")
}

// FuzzReplies: whatever the daemon says, an error or numbers that can be used, never a panic.
func FuzzReplies(f *testing.F) {
	daemon := &fake{offset: 0.25, sources: 1, state: 2, statistics: ipv4(127, 0, 9, 10)}
	request := make([]byte, requestHead)
	for _, command := range []uint16{cmdTracking, cmdSourceData, cmdSourceStats, cmdSourceName, cmdNSources} {
		binary.BigEndian.PutUint16(request[4:], command)
		f.Add(uint8(command), daemon.answer(request, 0)[replyHead:])
	}
	f.Fuzz(func(t *testing.T, command uint8, body []byte) {
		conn := &scripted{daemon: daemon, command: uint16(command), body: body}
		d := newDaemon(conn, "fuzz", time.Second)
		d.Unix = command%2 == 0
		r, err := d.Report(t.Context(), func() error { return nil })
		if err != nil {
			return
		}
		require.Less(t, r.ErrorBound(), time.Duration(math.MaxInt64))
		require.GreaterOrEqual(t, r.ErrorBound(), r.Distance())
		require.Positive(t, r.Distance())
		for _, s := range r.Sources {
			require.GreaterOrEqual(t, s.Error, time.Duration(0))
			require.GreaterOrEqual(t, s.Age, time.Duration(0))
			require.Positive(t, s.Poll)
		}
	})
}

// scripted answers from memory, one command with a body from somewhere else.
type scripted struct {
	net.Conn
	daemon  *fake
	command uint16
	body    []byte
	reply   []byte
}

func (s *scripted) SetDeadline(time.Time) error { return nil }

func (s *scripted) Write(request []byte) (int, error) {
	s.reply = s.daemon.answer(request, 0)
	if binary.BigEndian.Uint16(request[4:]) == s.command {
		s.reply = append(s.reply[:replyHead:replyHead], s.body...)
	}
	return len(request), nil
}

func (s *scripted) Read(b []byte) (int, error) { return copy(b, s.reply), nil }
