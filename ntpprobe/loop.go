package ntpprobe

import (
	"crypto/md5"
	"encoding/binary"
	"net"
	"net/netip"
)

// isReferenceOf reports whether a server's reference id names our own end of
// the socket: the IPv4 address, or the first four bytes of the MD5 of the IPv6
// address (RFC 5905 §7.3). Such a server would tell us our own time. On
// loopback every server shares our address, so it says nothing there.
func isReferenceOf(referenceID uint32, self net.Addr) bool {
	udp, ok := self.(*net.UDPAddr)
	if !ok {
		return false
	}
	ip, ok := netip.AddrFromSlice(udp.IP)
	if ip = ip.Unmap(); !ok || ip.IsLoopback() {
		return false
	}
	if ip.Is4() {
		b := ip.As4()
		return binary.BigEndian.Uint32(b[:]) == referenceID
	}
	b := ip.As16()
	sum := md5.Sum(b[:])
	return binary.BigEndian.Uint32(sum[:4]) == referenceID
}
