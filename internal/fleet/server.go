package fleet

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config describes a server. The zero value is an honest stratum 1 server on a
// free port of 127.0.0.1 that serves the wall clock.
type Config struct {
	Addr string       // "127.0.0.1:0" if empty; "0.0.0.0:0" is each of 127.0.0.0/8 (on Linux)
	Now  func() int64 // the true time, unix ns; time.Now if nil

	Offset         time.Duration // the lie: added to both stamps
	Stratum        uint8         // 1 if zero
	RootDelay      time.Duration
	RootDispersion time.Duration
	ReferenceID    [4]byte
	Leap           uint8 // the indicator: 1 insert, 2 delete

	// Reply replaces the honest reply by the datagrams it returns: none, a
	// kiss, garbage, duplicates. nil sends the honest reply.
	Reply func(request, honest []byte) [][]byte
}

// Server is a running NTP server.
type Server struct {
	config   Config
	conn     *net.UDPConn
	offset   atomic.Int64
	requests atomic.Int64
	done     sync.WaitGroup
}

// Start listens and serves until Close.
func Start(c Config) (*Server, error) {
	conn, err := listen(c.Addr)
	if err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = func() int64 { return time.Now().UnixNano() }
	}
	if c.Stratum == 0 {
		c.Stratum = 1
	}
	s := &Server{config: c, conn: conn}
	s.offset.Store(int64(c.Offset))
	s.done.Go(s.serve)
	return s, nil
}

func listen(address string) (*net.UDPConn, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	udp, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	if udp.IP.To4() != nil {
		return net.ListenUDP("udp4", udp) // 0.0.0.0 is not [::]
	}
	return net.ListenUDP("udp", udp)
}

// Addr returns where the server listens, as host:port.
func (s *Server) Addr() string { return s.conn.LocalAddr().String() }

// Requests returns how many requests have arrived.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// SetOffset changes the lie while the server runs.
func (s *Server) SetOffset(d time.Duration) { s.offset.Store(int64(d)) }

// Close stops the server and waits for its goroutine. It may be called twice.
func (s *Server) Close() error {
	err := s.conn.Close()
	s.done.Wait()
	return err
}

func (s *Server) serve() {
	buffer, asked := make([]byte, maxDatagram), askedAddress(s.conn)
	for {
		n, controlled, _, from, err := s.conn.ReadMsgUDPAddrPort(buffer, asked)
		if err != nil {
			return
		}
		received := s.config.Now()
		if n < headerSize || buffer[0]&7 != modeClient {
			continue
		}
		s.requests.Add(1)
		request := bytes.Clone(buffer[:n])
		honest := s.reply(request, received)
		datagrams := [][]byte{honest}
		if s.config.Reply != nil {
			datagrams = s.config.Reply(request, honest)
		}
		for _, d := range datagrams {
			_, _, _ = s.conn.WriteMsgUDPAddrPort(d, asked[:controlled], from) // a lost reply is part of the protocol
		}
	}
}

// reply builds an honest reply. The transmit stamp is taken last.
func (s *Server) reply(request []byte, received int64) []byte {
	offset := s.offset.Load()
	return encode(header{
		leap: s.config.Leap, stratum: s.config.Stratum, rootDelay: s.config.RootDelay, rootDispersion: s.config.RootDispersion,
		referenceID: s.config.ReferenceID, nonce: [8]byte(request[40:48]),
		received: received + offset, sent: s.config.Now() + offset,
	})
}
