package fleet

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Path is one direction of a network: a minimum delay, an exponential tail with
// the given mean, loss and duplication.
type Path struct {
	Min, Jitter     time.Duration
	Loss, Duplicate float64 // probabilities
}

// RelayConfig describes a relay in front of one server.
type RelayConfig struct {
	Listen        string // "127.0.0.1:0" if empty
	Upstream      string
	Seed          uint64
	Forward, Back Path

	// Passed, if set, is told of each request before and of each reply after it was sent on. It may
	// be called by several goroutines at once.
	Passed func(Passage)
}

// Passage is one datagram on its way through a relay, and when: unix nanoseconds of the wall
// clock.
type Passage struct {
	Client        netip.AddrPort
	ToServer      bool
	Datagram      []byte
	Read          int64 // after it was read
	Sending, Sent int64 // before and after it was sent on; Sent is 0 for a request
}

// maxClients bounds the sockets towards the server. The one used longest ago is
// closed when another client comes.
const maxClients = 256

// Relay passes datagrams between clients and one server, delays them and loses
// some. What it does follows from the seed and the order of the datagrams; on Linux a delay is
// exact to some 100 µs.
type Relay struct {
	config   RelayConfig
	conn     *net.UDPConn
	upstream *net.UDPAddr

	mu      sync.Mutex
	random  *rand.Rand
	clients map[netip.AddrPort]*net.UDPConn
	order   []netip.AddrPort // of clients, the oldest first
	timers  map[*time.Timer]struct{}
	closed  bool
	running sync.WaitGroup
}

// StartRelay listens and relays until Close.
func StartRelay(c RelayConfig) (*Relay, error) {
	upstream, err := net.ResolveUDPAddr("udp", c.Upstream)
	if err != nil {
		return nil, err
	}
	conn, err := listen(c.Listen)
	if err != nil {
		return nil, err
	}
	r := &Relay{
		config: c, conn: conn, upstream: upstream, random: rand.New(rand.NewPCG(c.Seed, 1)),
		clients: map[netip.AddrPort]*net.UDPConn{}, timers: map[*time.Timer]struct{}{},
	}
	r.running.Go(r.forward)
	return r, nil
}

// Addr returns where clients send to, as host:port.
func (r *Relay) Addr() string { return r.conn.LocalAddr().String() }

// Close drops what is on its way and waits for every goroutine. It may be
// called twice.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	for timer := range r.timers {
		if timer.Stop() {
			delete(r.timers, timer)
			r.running.Done()
		}
	}
	for _, socket := range r.clients {
		_ = socket.Close()
	}
	r.mu.Unlock()
	err := r.conn.Close()
	r.running.Wait()
	return err
}

// forward takes requests from all clients.
func (r *Relay) forward() {
	buffer, receive := make([]byte, maxDatagram), arrivals(r.conn)
	for {
		n, client, age, err := receive(buffer)
		if err != nil {
			return
		}
		read := time.Now().UnixNano()
		socket, err := r.socketFor(client)
		if err != nil {
			continue // out of sockets: the datagram is lost, as on a real network
		}
		p := Passage{Client: client, ToServer: true, Datagram: bytes.Clone(buffer[:n]), Read: read}
		r.deliver(r.config.Forward, p, age, func(b []byte) { _, _ = socket.Write(b) })
	}
}

// socketFor returns the client's own socket towards the server, so that replies
// find their way back.
func (r *Relay) socketFor(client netip.AddrPort) (*net.UDPConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if socket, ok := r.clients[client]; ok {
		return socket, nil
	}
	if r.closed {
		return nil, net.ErrClosed
	}
	socket, err := net.DialUDP("udp", nil, r.upstream)
	if err != nil {
		return nil, err
	}
	if len(r.order) >= maxClients {
		_ = r.clients[r.order[0]].Close()
		delete(r.clients, r.order[0])
		r.order = r.order[1:]
	}
	r.clients[client], r.order = socket, append(r.order, client)
	r.running.Go(func() { r.back(socket, client) })
	return socket, nil
}

// back takes the replies for one client.
func (r *Relay) back(socket *net.UDPConn, client netip.AddrPort) {
	buffer := make([]byte, maxDatagram)
	for {
		n, err := socket.Read(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the server's port is closed: its clients see silence
		}
		p := Passage{Client: client, Datagram: bytes.Clone(buffer[:n]), Read: time.Now().UnixNano()}
		r.deliver(r.config.Back, p, 0, func(b []byte) { _, _ = r.conn.WriteToUDPAddrPort(b, client) })
	}
}

// deliver sends a datagram of this age later, once, twice or never.
func (r *Relay) deliver(path Path, p Passage, age time.Duration, send func([]byte)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, delay := range path.draw(r.random) {
		if r.closed {
			return
		}
		r.running.Add(1)
		delay -= age
		due := time.Now().Add(delay)
		var timer *time.Timer
		timer = time.AfterFunc(delay-coarse, func() {
			defer r.running.Done()
			r.mu.Lock()
			delete(r.timers, timer)
			r.mu.Unlock()
			pauseUntil(due)
			r.pass(p, send)
		})
		r.timers[timer] = struct{}{}
	}
}

// pass sends a datagram on. A request is told of before, since its reply may be back soon.
func (r *Relay) pass(p Passage, send func([]byte)) {
	p.Sending = time.Now().UnixNano()
	tell := r.config.Passed
	if p.ToServer && tell != nil {
		tell(p)
	}
	send(p.Datagram)
	if p.Sent = time.Now().UnixNano(); !p.ToServer && tell != nil {
		tell(p)
	}
}

// draw returns the delays of the copies that arrive.
func (p Path) draw(random *rand.Rand) []time.Duration {
	copies := 1
	if random.Float64() < p.Duplicate {
		copies = 2
	}
	if random.Float64() < p.Loss {
		copies = 0
	}
	delays := make([]time.Duration, copies)
	for i := range delays {
		delays[i] = p.Min + time.Duration(random.ExpFloat64()*float64(p.Jitter))
	}
	return delays
}
