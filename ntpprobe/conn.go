package ntpprobe

import (
	"net"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// exchangeConn is the connection under one exchange. It stands next to the
// wire, so it takes T1 and T4 from the local clock, and it lets only one datagram through:
// the first that echoes our nonce.
//
// It is not a *net.UDPConn on purpose: the library would then take its receive
// stamp from the kernel's wall clock.
type exchangeConn struct {
	net.Conn
	local truetime.LocalClock

	nonce  [8]byte
	t1, t4 truetime.Reading
	header Header
	got    bool // header and t4 are of a reply to our request
	strays int  // datagrams that were not

	networkErr, clockErr error // what went wrong, told apart
}

// Write stamps T1 just before the request leaves, and takes the early end of
// what the local clock's slack leaves open: too early only widens.
func (c *exchangeConn) Write(request []byte) (int, error) {
	if len(request) >= headerSize {
		c.nonce = [8]byte(request[40:48])
	}
	t1, err := c.local.Read()
	if err != nil {
		c.clockErr = err
		return 0, err
	}
	c.t1 = t1.Early()
	n, err := c.Conn.Write(request)
	c.networkErr = err
	return n, err
}

// Read returns the reply to our request, stamped with T4 right after it arrived:
// too late only widens, so it is the late end of the slack. Everything else is counted and skipped until the
// deadline, so one forged or late datagram does not cost the exchange.
func (c *exchangeConn) Read(buffer []byte) (int, error) {
	for {
		n, err := c.Conn.Read(buffer)
		if err != nil {
			if isOversized(err) {
				c.strays++
				continue
			}
			c.networkErr = err
			return 0, err
		}
		t4, err := c.local.Read()
		if err != nil {
			c.clockErr = err
			return 0, err
		}
		if !isReplyTo(buffer[:n], c.nonce) {
			c.strays++
			continue
		}
		c.t4, c.header, c.got = t4.Late(), parseHeader(buffer), true
		disarm(buffer)
		return n, nil
	}
}

// disarm clears the poll and precision exponents before the library sees them: it
// negates them as 8-bit numbers and panics on −128 (beevik/ntp v1.6.0, toInterval), so one
// packet could end the process. We have read what we need of them.
func disarm(reply []byte) { reply[2], reply[3] = 0, 0 }

// SetDeadline ignores the library's deadline: the context owns it.
func (c *exchangeConn) SetDeadline(time.Time) error { return nil }
