package ntpprobe

import (
	"encoding/binary"
	"time"
)

// headerSize is the length of an NTP header, RFC 5905 §7.3.
const headerSize = 48

// Leap is the leap indicator of a reply.
type Leap uint8

// The four leap indicators, RFC 5905 figure 9.
const (
	LeapNone Leap = iota
	LeapInsert
	LeapDelete
	LeapUnsynchronized
)

// String returns "none", "insert", "delete" or "unsynchronized".
func (l Leap) String() string {
	return [...]string{"none", "insert", "delete", "unsynchronized"}[l&3]
}

// Header is what a reply says about its server, besides the timestamps.
type Header struct {
	Leap              Leap
	Version           uint8
	Stratum           uint8
	PrecisionExponent int8          // of two, in seconds: −20 is about 1 µs
	RootDelay         time.Duration // rounded up
	RootDispersion    time.Duration // rounded up
	ReferenceID       uint32

	receiveZero, transmitZero bool // T2 or T3 is missing
}

// parseHeader reads a datagram of at least headerSize bytes. The root fields
// are unsigned 16.16 fixed point seconds.
func parseHeader(b []byte) Header {
	return Header{
		Leap:              Leap(b[0] >> 6),
		Version:           b[0] >> 3 & 7,
		Stratum:           b[1],
		PrecisionExponent: int8(b[3]),
		RootDelay:         shortDuration(binary.BigEndian.Uint32(b[4:])),
		RootDispersion:    shortDuration(binary.BigEndian.Uint32(b[8:])),
		ReferenceID:       binary.BigEndian.Uint32(b[12:]),
		receiveZero:       binary.BigEndian.Uint64(b[32:]) == 0,
		transmitZero:      binary.BigEndian.Uint64(b[40:]) == 0,
	}
}

// shortDuration converts 16.16 seconds to nanoseconds, rounded up.
func shortDuration(fixed uint32) time.Duration {
	return time.Duration((uint64(fixed)*uint64(time.Second) + 1<<16 - 1) >> 16)
}

// isReplyTo reports whether a datagram is a server's reply that echoes our
// nonce. Whatever is not cannot have been made for this request.
func isReplyTo(datagram []byte, nonce [8]byte) bool {
	const serverMode = 4
	return len(datagram) >= headerSize && datagram[0]&7 == serverMode && [8]byte(datagram[24:32]) == nonce
}

// kissCode returns the code of a stratum 0 reply, four capital letters or
// digits, or "" if there is none. RFC 5905 §7.4.
func (h Header) kissCode() string {
	var code [4]byte
	binary.BigEndian.PutUint32(code[:], h.ReferenceID)
	for _, c := range code {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return string(code[:])
}

// precision is 2^PrecisionExponent seconds, rounded up to a nanosecond; whatever a
// hostile server claims, it is not below that and at most 2^31 s.
func (h Header) precision() time.Duration {
	if h.PrecisionExponent >= 0 {
		return time.Second << min(h.PrecisionExponent, 31)
	}
	shift := min(-int(h.PrecisionExponent), 32)
	return (time.Second + 1<<shift - 1) >> shift
}
