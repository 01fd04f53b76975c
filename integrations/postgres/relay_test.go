package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// relay is a TCP connection to a server that a test cuts, at the moment when a statement passes.
type relay struct {
	t      testing.TB
	listen net.Listener
	socket string
	dsn    string

	mu      sync.Mutex
	begins  string // what the statement begins with; "" for none
	fate    fate
	cut     chan struct{} // closed when it was done
	refuses bool          // new connections
	conns   map[net.Conn]bool
	work    sync.WaitGroup
}

// fate is what becomes of a statement.
type fate int

const (
	lost    fate = iota // it does not reach the server, whose connection ends
	dropped             // it does not reach the server, which is not told that the client is gone
	unheard             // it reaches the server, and the answer is lost
)

func (f fate) String() string {
	return [...]string{"the request is lost", "the request is lost, and the server is not told", "the answer is lost"}[f]
}

// through returns a relay to the server of a DSN. It ends with the test.
func through(t testing.TB, dsn string) *relay {
	t.Helper()
	c, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &relay{t: t, listen: listen, socket: fmt.Sprintf("%s/.s.PGSQL.%d", c.Host, c.Port), conns: map[net.Conn]bool{}}
	r.dsn = fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=%s sslmode=disable", listen.Addr().(*net.TCPAddr).Port, c.User, c.Database)
	r.work.Go(r.accept)
	t.Cleanup(func() {
		_ = listen.Close()
		r.mu.Lock()
		for conn := range r.conns {
			_ = conn.Close()
		}
		r.mu.Unlock()
		r.work.Wait()
	})
	return r
}

// trap has the next statement that begins so meet its fate, and refuses new connections from then on. It returns a channel
// that is closed when that has happened.
func (r *relay) trap(begins string, f fate) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begins, r.fate, r.cut = begins, f, make(chan struct{})
	return r.cut
}

// mend takes connections again.
func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuses = false
}

func (r *relay) accept() {
	for {
		client, err := r.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", r.socket)
		r.mu.Lock()
		if err != nil || r.refuses {
			r.mu.Unlock()
			_ = client.Close()
			if server != nil {
				_ = server.Close()
			}
			continue
		}
		r.conns[client], r.conns[server] = true, true
		r.mu.Unlock()
		p := &pair{relay: r, client: client, server: server}
		r.work.Go(p.up)
		r.work.Go(p.down)
	}
}

// pair is a connection and its other half.
type pair struct {
	*relay
	client, server net.Conn
	mute           bool // behind mu: the next answer is lost
}

// up passes on what the client says, a message at a time.
func (p *pair) up() {
	typed := 0 // the first message has no type
	for {
		header := make([]byte, typed+4)
		if _, err := io.ReadFull(p.client, header); err != nil {
			break
		}
		message := make([]byte, typed+int(binary.BigEndian.Uint32(header[typed:])))
		copy(message, header)
		if _, err := io.ReadFull(p.client, message[len(header):]); err != nil {
			break
		}
		if typed == 1 && message[0] == 'Q' && p.meets(string(message[5:])) {
			return
		}
		typed = 1
		if _, err := p.server.Write(message); err != nil {
			break
		}
	}
	_ = p.server.Close()
}

// meets says whether a statement has met its fate here.
func (p *pair) meets(statement string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begins == "" || !strings.HasPrefix(statement, p.begins) {
		return false
	}
	p.begins, p.refuses = "", true
	switch p.fate {
	case unheard:
		p.mute = true
		return false
	case lost:
		_ = p.server.Close()
	}
	_ = p.client.Close()
	close(p.cut)
	return true
}

// down passes on what the server says.
func (p *pair) down() {
	b := make([]byte, 1<<16)
	for {
		n, err := p.server.Read(b)
		p.mu.Lock()
		muted := p.mute
		if muted {
			close(p.cut)
		}
		p.mu.Unlock()
		if err != nil || muted {
			break
		}
		if _, err := p.client.Write(b[:n]); err != nil {
			break
		}
	}
	_ = p.client.Close()
}
