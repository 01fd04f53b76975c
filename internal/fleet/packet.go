package fleet

import (
	"encoding/binary"
	"time"
)

const (
	headerSize  = 48
	maxDatagram = 2048
	modeClient  = 3
	modeServer  = 4

	// precision is 2^-23 s, about 119 ns: what reading a clock costs here.
	precision = -23

	// ntpEpoch is 1970 in seconds since 1900, modulo nothing: eras follow from
	// truncation to 32 bits.
	ntpEpoch = 2_208_988_800
)

// header is what a reply says. RFC 5905 §7.3.
type header struct {
	leap, stratum             uint8
	rootDelay, rootDispersion time.Duration
	referenceID               [4]byte
	nonce                     [8]byte
	received, sent            int64 // unix ns
}

func encode(h header) []byte {
	b := make([]byte, headerSize)
	b[0], b[1], b[2] = h.leap<<6|4<<3|modeServer, h.stratum, 6
	precisionByte := int8(precision)
	b[3] = byte(precisionByte)
	binary.BigEndian.PutUint32(b[4:], short(h.rootDelay))
	binary.BigEndian.PutUint32(b[8:], short(h.rootDispersion))
	copy(b[12:], h.referenceID[:])
	binary.BigEndian.PutUint64(b[16:], stamp(h.received, false))
	copy(b[24:], h.nonce[:])
	// Received up, sent down: a server that rounds its stamps towards each other
	// can only widen what a client concludes.
	binary.BigEndian.PutUint64(b[32:], stamp(h.received, true))
	binary.BigEndian.PutUint64(b[40:], stamp(h.sent, false))
	return b
}

// stamp encodes unix nanoseconds as 32.32 seconds since 1900, modulo the era.
func stamp(nanos int64, up bool) uint64 {
	seconds, rest := nanos/1e9, nanos%1e9
	if rest < 0 {
		seconds, rest = seconds-1, rest+1e9
	}
	fraction := uint64(rest) << 32
	if up {
		fraction += 1e9 - 1
	}
	return uint64(seconds+ntpEpoch)<<32 + fraction/1e9
}

// short encodes a duration as 16.16 seconds, rounded up.
func short(d time.Duration) uint32 {
	return uint32((uint64(d)<<16 + uint64(time.Second) - 1) / uint64(time.Second))
}
