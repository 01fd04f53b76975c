package fleet

import (
	"net"

	"golang.org/x/sys/unix"
)

// askedAddress returns room for the control message that says which address of this machine a
// datagram was sent to, or nil if conn has only one. Sent along with the reply, it is where the
// reply leaves from: a client knows its server by that. Source: ip(7), IP_PKTINFO.
func askedAddress(conn *net.UDPConn) []byte {
	raw, err := conn.SyscallConn()
	if err != nil || !conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		return nil
	}
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1) })
	if err != nil {
		return nil
	}
	return make([]byte, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
}
