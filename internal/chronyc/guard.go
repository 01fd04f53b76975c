package chronyc

import (
	"encoding/binary"
	"fmt"
	"net"
)

// The header of a packet. Source: chrony, candm.h.
const (
	protocolVersion = 6
	typeReply       = 2
	requestHead     = 20
	replyHead       = 28
)

// StatusError is a reply that refuses the request.
type StatusError struct{ Status uint16 }

const unauthorised, badVersion = 2, 18

func (e *StatusError) Error() string {
	switch e.Status {
	case unauthorised:
		return "chronyc: chronyd refuses: not authorised; this request needs its unix socket, or cmdallow in its configuration"
	case badVersion:
		return "chronyc: chronyd speaks another version of the protocol"
	}
	return fmt.Sprintf("chronyc: chronyd refuses: status %d", e.Status)
}

// guard is a connection that lets only replies to the last request through. Whatever else
// arrives (late, forged, of another length or version) is counted and left aside, until the
// deadline of the connection.
type guard struct {
	net.Conn
	command  uint16
	sequence uint32
	skipped  int
}

// Write sends a request and notes which replies are for it.
func (g *guard) Write(request []byte) (int, error) {
	if len(request) < requestHead {
		return 0, fmt.Errorf("chronyc: a request of %d bytes", len(request))
	}
	g.command, g.sequence = binary.BigEndian.Uint16(request[4:]), binary.BigEndian.Uint32(request[8:])
	return g.Conn.Write(request)
}

// Read returns the next reply to that request, whole.
func (g *guard) Read(b []byte) (int, error) {
	for {
		n, err := g.Conn.Read(b)
		if err != nil {
			return 0, err
		}
		if g.isReply(b[:n]) {
			if status := binary.BigEndian.Uint16(b[8:]); status != 0 {
				return 0, &StatusError{status}
			}
			return n, nil
		}
		g.skipped++
	}
}

func (g *guard) isReply(b []byte) bool {
	if len(b) < replyHead || b[1] != typeReply || binary.BigEndian.Uint16(b[4:]) != g.command || binary.BigEndian.Uint32(b[16:]) != g.sequence {
		return false
	}
	// A daemon of another version says so, in that version.
	return b[0] == protocolVersion || binary.BigEndian.Uint16(b[8:]) == badVersion
}
