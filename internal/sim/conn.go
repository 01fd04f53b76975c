package sim

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// dial finds the server behind an address.
func (w *World) dial(address string) (int, error) {
	for i, n := range w.nodes {
		if n.Address == address {
			return i, nil
		}
	}
	return 0, fmt.Errorf("sim: nobody is at %s", address)
}

// cursor is a local clock that shows the moment it was set to.
type cursor struct {
	world *World
	at    time.Duration
}

func (c *cursor) Read() (truetime.Reading, error) { return c.world.Reading(c.at), nil }

// instantConn is the socket of an exchange that is computed at once: reading
// moves the cursor to the arrival, or to the deadline.
type instantConn struct {
	socket
	*cursor
	server   int
	deadline time.Duration
	inbox    []datagram
}

func (c *instantConn) Write(request []byte) (int, error) {
	c.inbox = c.world.ask(c.server, request, c.at)
	return len(request), nil
}

func (c *instantConn) Read(buffer []byte) (int, error) {
	if len(c.inbox) == 0 || c.inbox[0].at > c.deadline {
		c.at = c.deadline
		return 0, os.ErrDeadlineExceeded
	}
	d := c.inbox[0]
	c.at, c.inbox = d.at, c.inbox[1:]
	return copy(buffer, d.bytes), nil
}

// DialContext makes an instantConn its own dialer.
func (c *instantConn) DialContext(context.Context, string, string) (net.Conn, error) { return c, nil }

// socket is what no simulated connection has to say much about.
type socket struct{}

func (socket) Close() error                     { return nil }
func (socket) SetDeadline(time.Time) error      { return nil }
func (socket) SetReadDeadline(time.Time) error  { return nil }
func (socket) SetWriteDeadline(time.Time) error { return nil }
func (socket) RemoteAddr() net.Addr             { return machine }

// LocalAddr is the machine's: no server of a world takes its time from there.
func (socket) LocalAddr() net.Addr { return machine }

var machine net.Addr = net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.1:1230"))

// Bubble runs a world on the clock of a testing/synctest bubble: moment 0 is
// when it was made, whatever the bubble's calendar says.
type Bubble struct {
	*World
	began time.Time
}

// InBubble starts the world now. Call it inside the bubble.
func (w *World) InBubble() *Bubble { return &Bubble{World: w, began: time.Now()} }

// Now is the present moment.
func (b *Bubble) Now() time.Duration { return time.Since(b.began) }

// sleep waits out a pause of the machine, if there is one now.
func (b *Bubble) sleep() time.Duration {
	for {
		now := b.Now()
		awake := b.counter.awake(now)
		if awake == now {
			return now
		}
		time.Sleep(awake - now)
	}
}

// Read is the local clock. In a pause of the machine nothing runs, so it returns
// when the pause is over.
func (b *Bubble) Read() (truetime.Reading, error) { return b.Reading(b.sleep()), nil }

// EpochCause makes the Bubble a [truetime.EpochExplainer].
func (b *Bubble) EpochCause() string { return "the machine was suspended" }

// DialContext makes the Bubble a dialer for ntpprobe.
func (b *Bubble) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	b.sleep()
	i, err := b.dial(address)
	if err != nil {
		return nil, err
	}
	return &bubbleConn{bubble: b, server: i, changed: make(chan struct{}, 1)}, nil
}

// bubbleConn blocks as a socket does, on the bubble's clock.
type bubbleConn struct {
	socket
	bubble  *Bubble
	server  int
	changed chan struct{} // the deadline moved, or it was closed

	mu       sync.Mutex
	inbox    []datagram
	deadline time.Time
	closed   bool
}

func (c *bubbleConn) Write(request []byte) (int, error) {
	inbox := c.bubble.ask(c.server, request, c.bubble.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inbox = inbox
	return len(request), nil
}

func (c *bubbleConn) Read(buffer []byte) (int, error) {
	for {
		d, wait, err := c.next()
		if err != nil || d != nil {
			return copy(buffer, d), err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.changed:
			timer.Stop()
		}
	}
}

// next returns a datagram that is here, or how long to wait for something.
func (c *bubbleConn) next() (bytes []byte, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.bubble.Now()
	wait = time.Hour
	if !c.deadline.IsZero() {
		wait = time.Until(c.deadline)
	}
	switch {
	case c.closed:
		return nil, 0, net.ErrClosed
	case wait <= 0:
		return nil, 0, os.ErrDeadlineExceeded
	case len(c.inbox) == 0:
		return nil, wait, nil
	case c.inbox[0].at > now:
		return nil, min(wait, c.inbox[0].at-now), nil
	}
	bytes, c.inbox = c.inbox[0].bytes, c.inbox[1:]
	return bytes, 0, nil
}

func (c *bubbleConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	c.deadline = t
	c.mu.Unlock()
	c.wake()
	return nil
}

func (c *bubbleConn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake()
	return nil
}

func (c *bubbleConn) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}
