package fleet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// These are values for Config.Reply: the ways in which a server can fail a
// client without being silent.

// Silent answers nothing.
func Silent(_, _ []byte) [][]byte { return nil }

// Kiss answers with a kiss of death of four letters and without stamps.
func Kiss(code string) func(_, honest []byte) [][]byte {
	return func(_, honest []byte) [][]byte {
		honest[0], honest[1] = honest[0]|3<<6, 0
		copy(honest[12:16], code)
		clear(honest[32:48])
		return [][]byte{honest}
	}
}

// Unsynchronized answers as a server without a source does: leap 3, stratum 0.
func Unsynchronized(_, honest []byte) [][]byte {
	honest[0], honest[1] = honest[0]|3<<6, 0
	clear(honest[12:16])
	return [][]byte{honest}
}

// HeldFor claims to have held the packet for d: more than the round trip is
// impossible.
func HeldFor(d time.Duration) func(_, honest []byte) [][]byte {
	return func(_, honest []byte) [][]byte {
		sent := binary.BigEndian.Uint64(honest[40:])
		binary.BigEndian.PutUint64(honest[40:], sent+uint64(d)<<32/uint64(time.Second))
		return [][]byte{honest}
	}
}

// Truncated sends only the first n bytes.
func Truncated(n int) func(_, honest []byte) [][]byte {
	return func(_, honest []byte) [][]byte { return [][]byte{honest[:n]} }
}

// Garbage sends up to 2,000 random bytes, the nonce echoed half of the time. It is
// called by one server at a time.
func Garbage(seed uint64) func(request, _ []byte) [][]byte {
	random := rand.New(rand.NewPCG(seed, 0))
	return func(request, _ []byte) [][]byte {
		b := make([]byte, random.IntN(2001))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		if len(b) >= headerSize && random.IntN(2) == 0 {
			copy(b[24:32], request[40:48])
		}
		return [][]byte{b}
	}
}

// ForgedFirst sends a reply with another nonce, an hour ahead, before the honest
// one, and the honest one twice.
func ForgedFirst(_, honest []byte) [][]byte {
	forged := bytes.Clone(honest)
	forged[24] ^= 0xff
	shift(forged, 3600)
	return [][]byte{forged, honest, honest}
}

// shift moves both stamps of a reply ahead by whole seconds.
func shift(reply []byte, seconds uint64) {
	for _, at := range []int{32, 40} {
		binary.BigEndian.PutUint64(reply[at:], binary.BigEndian.Uint64(reply[at:])+seconds<<32)
	}
}

// Turns gives every second reply a second ahead of the one before, so that a
// server contradicts itself.
func Turns() func(_, honest []byte) [][]byte {
	turn := uint64(0)
	return func(_, honest []byte) [][]byte {
		shift(honest, turn)
		turn = 1 - turn
		return [][]byte{honest}
	}
}

// Then answers honestly once and from then on as later does.
func Then(later func(request, honest []byte) [][]byte) func(request, honest []byte) [][]byte {
	first := true
	return func(request, honest []byte) [][]byte {
		if first {
			first = false
			return [][]byte{honest}
		}
		return later(request, honest)
	}
}
