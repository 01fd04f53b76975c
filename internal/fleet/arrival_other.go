//go:build !linux

package fleet

import (
	"net"
	"net/netip"
	"time"
)

// arrivals returns a function that reads a datagram, and knows nothing of its age.
func arrivals(conn *net.UDPConn) func(buffer []byte) (n int, client netip.AddrPort, age time.Duration, err error) {
	return func(buffer []byte) (int, netip.AddrPort, time.Duration, error) {
		n, client, err := conn.ReadFromUDPAddrPort(buffer)
		return n, client, 0, err
	}
}
