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
// stamp from the kernel's wall clock. We do so ourselves, with care: see arrival.
type exchangeConn struct {
	net.Conn
	local   truetime.LocalClock
	receive receiver
	look    func() wallLook // nil without kernel stamps

	nonce  [8]byte
	sent   wallLook
	t1, t4 truetime.Reading
	left   truetime.Reading // not before the request left, where t1 is not after it
	gain   time.Duration    // how much earlier the kernel's stamp put t4
	header Header
	got    bool // header and t4 are of a reply to our request
	strays int  // datagrams that were not

	networkErr, clockErr error // what went wrong, told apart
}

// receiver reads one datagram and returns when the kernel received it, in unix
// nanoseconds of the wall clock, or 0 if that is not known.
type receiver func(buffer []byte) (n int, stamp int64, err error)

// newExchangeConn uses kernel stamps where the socket has them.
func newExchangeConn(socket net.Conn, local truetime.LocalClock) *exchangeConn {
	c := &exchangeConn{Conn: socket, local: local}
	if receive, ok := stampingReceiver(socket); ok {
		c.receive, c.look = receive, looksFrom(time.Now())
		return c
	}
	c.receive = func(buffer []byte) (int, int64, error) {
		n, err := socket.Read(buffer)
		return n, 0, err
	}
	return c
}

// Write stamps T1 just before the request leaves, and takes the early end of
// what the local clock's slack leaves open: too early only widens.
func (c *exchangeConn) Write(request []byte) (int, error) {
	if len(request) >= headerSize {
		c.nonce = [8]byte(request[40:48])
	}
	if c.look != nil {
		c.sent = c.look()
	}
	t1, err := c.local.Read()
	if err != nil {
		c.clockErr = err
		return 0, err
	}
	c.t1, c.left = t1.Early(), t1.Late()
	n, err := c.Conn.Write(request)
	c.networkErr = err
	return n, err
}

// Read returns the reply to our request, stamped with T4 right after it arrived:
// too late only widens, so it is the late end of the slack. Everything else is counted and skipped until the
// deadline, so one forged or late datagram does not cost the exchange.
func (c *exchangeConn) Read(buffer []byte) (int, error) {
	for {
		n, stamp, err := c.receive(buffer)
		if err != nil {
			if isOversized(err) {
				c.strays++
				continue
			}
			c.networkErr = err
			return 0, err
		}
		if err := c.stampT4(stamp); err != nil {
			c.clockErr = err
			return 0, err
		}
		if !isReplyTo(buffer[:n], c.nonce) {
			c.strays++
			continue
		}
		c.header, c.got = parseHeader(buffer), true
		disarm(buffer)
		return n, nil
	}
}

// stampT4 reads the local clock, and goes back to the kernel's stamp if that
// can be believed.
func (c *exchangeConn) stampT4(stamp int64) error {
	c.gain = 0
	var received wallLook
	if stamp != 0 {
		received = c.look()
	}
	t4, err := c.local.Read()
	if c.t4 = t4.Late(); err != nil || stamp == 0 {
		return err
	}
	if t, ok := arrival(c.left, c.sent, stamp, received, c.t4); ok {
		c.t4, c.gain = t, time.Duration(c.t4.Nanos-t.Nanos)
	}
	return nil
}

// disarm clears the poll and precision exponents before the library sees them: it
// negates them as 8-bit numbers and panics on −128 (beevik/ntp v1.6.0, toInterval), so one
// packet could end the process. We have read what we need of them.
func disarm(reply []byte) { reply[2], reply[3] = 0, 0 }

// SetDeadline ignores the library's deadline: the context owns it.
func (c *exchangeConn) SetDeadline(time.Time) error { return nil }
