package ntpprobe

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// twoAddresses makes every name resolve to 203.0.113.1 and 203.0.113.2, by a name
// server on loopback.
func twoAddresses(t *testing.T) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		query := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(query[:n]), from)
		}
	})
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	t.Cleanup(func() { net.DefaultResolver = before; _ = conn.Close(); serving.Wait() })
}

// answer replies to a question for A records, and to any other with none.
func answer(query []byte) []byte {
	question := query[12:]
	end := 0
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	reply := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[:end+5]...)
	if binary.BigEndian.Uint16(question[end+1:]) != 1 {
		return reply
	}
	reply[7] = 2
	for _, last := range []byte{1, 2} {
		reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, last)
	}
	return reply
}

// map203 leads 203.0.113.0/24 to loopback.
type map203 struct {
	to      map[string]string // "" refuses
	dialled []string
}

func (m *map203) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	m.dialled = append(m.dialled, host)
	if m.to[host] == "" {
		return nil, syscall.ECONNREFUSED
	}
	return (&net.Dialer{}).DialContext(ctx, network, m.to[host])
}

// TestSession_AnAddressThatDoesNotServe: another one of the name is tried, at once if
// nobody answers and after three bad replies; one that serves is kept.
func TestSession_AnAddressThatDoesNotServe(t *testing.T) {
	twoAddresses(t)
	good := scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })
	unset := scripted(t, func(request []byte) [][]byte {
		reply := honestReply(request)
		reply[0] |= 3 << 6
		return [][]byte{reply}
	})
	for _, c := range []struct {
		why, first string
		dialled    []string
	}{
		{"nobody answers at the first", "", []string{"203.0.113.1", "203.0.113.2", "203.0.113.2", "203.0.113.2"}},
		{"the first has no time", unset, []string{"203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"}},
		{"the first serves", good, []string{"203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.1"}},
	} {
		dialer := &map203{to: map[string]string{"203.0.113.1": c.first, "203.0.113.2": good}}
		s, err := newSession(Server{Address: "two.example"}, strictClock(t), Limits{}, dialer)
		require.NoError(t, err)
		for range 4 {
			_, err = s.queryWithin(t.Context(), 5*time.Second)
		}
		require.NoError(t, err, c.why)
		require.Equal(t, c.dialled, dialer.dialled, c.why)
	}
}
