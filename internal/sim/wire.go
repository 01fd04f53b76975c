package sim

import (
	"encoding/binary"
	"time"
)

// Rounding is how an implementation writes its root fields, in steps of 2⁻¹⁶ s.
type Rounding int

const (
	// RoundUp is chrony (util.c, UTI_DoubleToNtp32).
	RoundUp Rounding = iota
	// Truncate is ntpsec (ntp_fp.h, DTOUFP) and ntpd-rs (time_types.rs).
	Truncate
)

// short writes a duration as 16.16 seconds.
func (r Rounding) short(d time.Duration) uint32 {
	scaled := uint64(max(d, 0)) << 16
	if r == RoundUp {
		scaled += uint64(time.Second) - 1
	}
	return uint32(scaled / uint64(time.Second))
}

// long is the duration of a short field, rounded up.
func long(fixed uint32) time.Duration {
	return time.Duration((uint64(fixed)*uint64(time.Second) + 1<<16 - 1) >> 16)
}

// secondsBefore1970 is the start of NTP's first era, 1900, in Unix time.
const secondsBefore1970 = 2_208_988_800

// stamp writes unix nanoseconds as an NTP timestamp, rounded down. The seconds
// wrap in 2036.
func stamp(unix int64) uint64 {
	seconds, nanos := unix/1e9, unix%1e9
	if nanos < 0 {
		seconds, nanos = seconds-1, nanos+1e9
	}
	return uint64(uint32(seconds+secondsBefore1970))<<32 | uint64(nanos)<<32/1e9
}

const packetSize = 48

// write turns a reply into the packet that answers a request. start is the
// world's beginning in unix nanoseconds. RFC 5905 §7.3.
func (r reply) write(request []byte, rounding Rounding, start int64) []byte {
	b := make([]byte, packetSize)
	const server = 4
	b[0] = byte(r.leap)<<6 | request[0]&0x38 | server
	b[1], b[2], b[3] = r.stratum, request[2], byte(r.precision)
	binary.BigEndian.PutUint32(b[4:], rounding.short(r.rootDelay))
	binary.BigEndian.PutUint32(b[8:], rounding.short(r.rootDispersion))
	copy(b[12:16], r.reference[:])
	binary.BigEndian.PutUint64(b[16:], stamp(start+int64(r.received-time.Second)))
	copy(b[24:32], request[40:48])
	binary.BigEndian.PutUint64(b[32:], stamp(start+int64(r.received)))
	binary.BigEndian.PutUint64(b[40:], stamp(start+int64(r.sent)))
	return b
}
