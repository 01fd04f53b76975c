//go:build !linux

package ntpprobe

import "net"

// stampingReceiver returns false: there are no kernel stamps on this system.
func stampingReceiver(net.Conn) (receiver, bool) { return nil, false }
