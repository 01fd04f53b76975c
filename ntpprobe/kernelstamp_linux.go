package ntpprobe

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// stampingReceiver asks the kernel to stamp what arrives on a socket
// (SO_TIMESTAMPNS, CLOCK_REALTIME) and returns a receiver that passes the
// stamps on. It returns false for sockets that are not plain UDP, whose Read may
// do things of its own, and if the kernel refuses.
func stampingReceiver(socket net.Conn) (receiver, bool) {
	udp, ok := socket.(*net.UDPConn)
	if !ok {
		return nil, false
	}
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, false
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if err != nil || refused != nil {
		return nil, false
	}
	control := make([]byte, unix.CmsgSpace(binary.Size(unix.Timespec{})))
	return func(buffer []byte) (int, int64, error) {
		n, controlled, _, _, err := udp.ReadMsgUDPAddrPort(buffer, control)
		if err != nil {
			return 0, 0, err
		}
		return n, stampIn(control[:controlled]), nil
	}, true
}

// stampIn returns the stamp in a control message, or 0 if there is none.
func stampIn(control []byte) int64 {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		var stamp unix.Timespec
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SO_TIMESTAMPNS || len(m.Data) != binary.Size(stamp) {
			continue
		}
		if _, err := binary.Decode(m.Data, binary.NativeEndian, &stamp); err == nil {
			return stamp.Nano()
		}
	}
	return 0
}
