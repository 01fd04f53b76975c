// Package chronyctest is a chronyd that says what a test wants, for tests that must not need a
// real one, and for replies that no real one makes.
package chronyctest

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"net"
	"slices"
	"testing"
)

// Numbers of the wire, a second time: the tests must not depend on what they test. Source:
// chrony, candm.h.
const (
	NSources, SourceData, Tracking, SourceStats, SourceName, SelectData = 14, 15, 33, 34, 65, 69 // commands

	RequestHead, ReplyHead = 20, 28
)

const rpyNSources, rpySourceData, rpyTracking, rpySourceStats, rpySourceName, rpySelectData = 2, 3, 5, 6, 19, 23

// Float packs a number as the daemon does: 7 bits of exponent, 25 of coefficient.
func Float(x float64) uint32 {
	if x == 0 {
		return 0
	}
	fraction, exponent := math.Frexp(x) // x = fraction · 2^exponent, |fraction| in [1/2, 1)
	coefficient := int32(math.Round(fraction * (1 << 24)))
	return uint32(exponent+1)<<25 | uint32(coefficient)&(1<<25-1)
}

// IPv4 is an address as the wire has it.
func IPv4(a, b, c, d byte) []byte {
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

// Fake is a daemon that follows 127.0.9.10, which is Ahead of it, ± 1 ms, and claims ± 2 ms. Its
// answers can be spoilt.
type Fake struct {
	Offset                    float64 // seconds that it would add to the wall clock
	Ahead                     float64 // seconds that its source is ahead of that
	RootDelay, RootDispersion float64 // seconds; 2 ms and 1 ms if 0
	Leap                      uint16
	Sources                   uint32 // how many it has: all are the same
	State                     uint16 // theirs
	Updates                   bool   // it corrects its clock all the time
	Statistics                []byte // the address that they are of
	// Spoil returns what is sent instead of the reply; nil for the reply.
	Spoil func(request, reply []byte) [][]byte
}

// Answer is the reply to a request, the number-th.
func (f *Fake) Answer(request []byte, number int) []byte {
	command := binary.BigEndian.Uint16(request[4:])
	var kind uint16
	var body []byte
	updated := uint32(1_700_000_000)
	if f.Updates {
		updated += uint32(number)
	}
	switch command {
	case Tracking:
		kind, body = rpyTracking, words(uint32(0x7f00090a), IPv4(127, 0, 9, 10), uint16(2), f.Leap, [3]uint32{0, updated, 5},
			Float(f.Offset), Float(1e-6), Float(1e-6), Float(-3.5), Float(0), Float(0.1), Float(cmp.Or(f.RootDelay, 0.002)), Float(cmp.Or(f.RootDispersion, 0.001)), Float(16))
	case NSources:
		kind, body = rpyNSources, words(f.Sources)
	case SourceData:
		kind, body = rpySourceData, words(IPv4(127, 0, 9, 10), int16(6), uint16(1), f.State, uint16(0), uint16(0), uint16(0o377), uint32(9), Float(-f.Ahead-0.001), Float(-f.Ahead), Float(0.001))
	case SourceStats:
		kind, body = rpySourceStats, words(uint32(0x7f00090a), f.of(), uint32(8), uint32(4), uint32(64), Float(1e-6), Float(0), Float(10), Float(0), Float(0))
	case SourceName:
		name := [256]byte{}
		copy(name[:], "ntp1.\x1b[31mexample")
		kind, body = rpySourceName, name[:]
	case SelectData:
		kind, body = rpySelectData, words(uint32(0x7f00090a), IPv4(127, 0, 9, 10), [4]byte{'*'}, [2]uint16{}, uint32(9), Float(1), Float(0), Float(0))
	}
	head := words(uint8(6), uint8(2), uint16(0), command, kind, uint16(0), [3]uint16{}, binary.BigEndian.Uint32(request[8:]), [2]uint32{})
	return append(head, body...)
}

// of is the address of the statistics.
func (f *Fake) of() []byte {
	if f.Statistics != nil {
		return f.Statistics
	}
	return IPv4(127, 0, 9, 10)
}

// Start serves on loopback until the test ends, and returns the address.
func (f *Fake) Start(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.serve(conn)
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return conn.LocalAddr().String()
}

func (f *Fake) serve(conn *net.UDPConn) {
	b := make([]byte, 2048)
	for number := 0; ; number++ {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		request := slices.Clone(b[:n])
		replies := [][]byte{f.Answer(request, number)}
		if f.Spoil != nil {
			replies = f.Spoil(request, replies[0])
		}
		for _, reply := range replies {
			_, _ = conn.WriteToUDPAddrPort(reply, from)
		}
	}
}
