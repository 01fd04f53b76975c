package phi

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childPeer is the environment variable with the address to which a child sends heartbeats.
const childPeer = "TRUECLOCK_PHI_PEER"

// peer sends a heartbeat each 20 ms until it is killed.
func peer(address string) int {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return 1
	}
	for range time.Tick(20 * ms) {
		if _, err := conn.Write([]byte("alive")); err != nil && os.Getppid() == 1 {
			return 0
		}
	}
	return 0
}

// heartbeats starts a child and feeds a detector with what arrives from it.
func heartbeats(t *testing.T, options Options) (*Detector, *exec.Cmd) {
	t.Helper()
	d, err := New(options)
	require.NoError(t, err)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buffer := make([]byte, 16); ; {
			if _, _, err := socket.ReadFrom(buffer); errors.Is(err, net.ErrClosed) {
				return
			}
			d.Heartbeat()
		}
	}()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childPeer+"="+socket.LocalAddr().String())
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
		_ = socket.Close()
		<-ended
	})
	return d, child
}

// becomes waits until the peer is what is wanted.
func becomes(t *testing.T, d *Detector, wants State) {
	t.Helper()
	require.Eventually(t, func() bool { return d.State(8) == wants }, 30*time.Second, ms, "%v", wants)
}

// refusals are errors of connections to a port where nobody listens, over TCP and UDP.
func refusals(t *testing.T) map[string]error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, tcp := net.Dial("tcp", listener.Addr().String())
	require.Error(t, tcp)
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, socket.Close())
	conn, err := net.Dial("udp", socket.LocalAddr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.Write([]byte("?"))
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, udp := conn.Read(make([]byte, 1))
	return map[string]error{"tcp": tcp, "udp": udp}
}

// TestDown_ARefusedConnection counts at once, and only that: not a timeout, nor a route that is
// missing.
func TestDown_ARefusedConnection(t *testing.T) {
	for network, refusal := range refusals(t) {
		d, err := New(Options{})
		require.NoError(t, err)
		d.Heartbeat()
		for _, err := range []error{nil, os.ErrDeadlineExceeded, syscall.EHOSTUNREACH, syscall.ECONNRESET, errors.New("connection refused")} {
			require.False(t, d.Down(err), "%v", err)
			require.Equal(t, Trusted, d.State(3))
		}
		require.True(t, d.Down(refusal), "%s: %v", network, refusal)
		require.Equal(t, Suspected, d.State(3))
		require.Equal(t, Certain, d.Phi())
		d.Heartbeat()
		require.Equal(t, Trusted, d.State(3), "it is back")
	}
}
