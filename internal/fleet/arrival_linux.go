package fleet

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// arrivals returns a function that reads a datagram and tells how long ago the kernel got it, by
// the kernel's stamp: what this program took to wake up is no delay of the path.
func arrivals(conn *net.UDPConn) func(buffer []byte) (n int, client netip.AddrPort, age time.Duration, err error) {
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }) // without it the age is 0
	}
	control := make([]byte, unix.CmsgSpace(binary.Size(unix.Timespec{})))
	return func(buffer []byte) (int, netip.AddrPort, time.Duration, error) {
		n, controlled, _, client, err := conn.ReadMsgUDPAddrPort(buffer, control)
		var stamp unix.Timespec
		messages, bad := unix.ParseSocketControlMessage(control[:controlled])
		if err != nil || bad != nil || len(messages) == 0 || messages[0].Header.Type != unix.SO_TIMESTAMPNS {
			return n, client, 0, err
		}
		if _, bad := binary.Decode(messages[0].Data, binary.NativeEndian, &stamp); bad != nil {
			return n, client, 0, err
		}
		return n, client, max(0, time.Duration(time.Now().UnixNano()-stamp.Nano())), nil
	}
}
