package skewhttp

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// link is how one node reaches another: a relay that can be cut.
type link struct {
	listener net.Listener
	mutex    sync.Mutex
	target   string
	cut      bool
	open     map[net.Conn]bool
	running  sync.WaitGroup
}

func newLink(t *testing.T) *link {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &link{listener: listener, open: map[net.Conn]bool{}}
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		l.set(true)
		l.running.Wait()
	})
	return l
}

// lead says where the link goes.
func (l *link) lead(target string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.target = target
}

// set cuts the link with all that goes through it, or mends it.
func (l *link) set(cut bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.cut = cut; cut {
		for c := range l.open {
			_ = c.Close()
		}
	}
}

func (l *link) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.running.Go(func() { l.pass(c) })
	}
}

func (l *link) pass(client net.Conn) {
	defer client.Close()
	l.mutex.Lock()
	target, cut := l.target, l.cut
	l.mutex.Unlock()
	if cut {
		return
	}
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	both := []net.Conn{client, server}
	l.mutex.Lock()
	for _, c := range both {
		l.open[c] = true
	}
	if l.cut { // meanwhile
		_ = client.Close()
	}
	l.mutex.Unlock()
	var copying sync.WaitGroup
	for i := range both {
		copying.Go(func() {
			_, _ = io.Copy(both[i], both[1-i])
			_ = client.Close()
			_ = server.Close()
		})
	}
	copying.Wait()
	l.mutex.Lock()
	for _, c := range both {
		delete(l.open, c)
	}
	l.mutex.Unlock()
}
