package chronyc

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/facebook/time/ntp/chrony"
)

// DefaultPort is chronyd's command port.
const DefaultPort = "323"

// defaultSockets are where chronyd's unix socket is, if nobody says another place. On most
// systems the two are one.
func defaultSockets() []string {
	const run, varRun = "/run/chrony/chronyd.sock", "/var/run/chrony/chronyd.sock"
	if target, err := filepath.EvalSymlinks("/var/run"); err == nil && target == "/run" {
		return []string{run}
	}
	return []string{run, varRun}
}

// Options say which daemon is asked. Without Socket and Address it is the first that answers:
// its socket in the usual places, then UDP port 323 of 127.0.0.1 and of ::1, as chronyc does.
type Options struct {
	Socket  string        // path of the unix socket
	Address string        // HOST or HOST:PORT of this machine
	Timeout time.Duration // of one request
}

// Daemon is a connection to a chronyd.
type Daemon struct {
	Where string // for people: "unix /run/chrony/chronyd.sock", "udp 127.0.0.1:323"
	Unix  bool

	client  chrony.Client
	guard   *guard
	timeout time.Duration
	path    string // our own end of a unix socket, to be removed
}

// NoDaemonError says that no chronyd answered, and what was tried.
type NoDaemonError struct{ Tried []string }

func (e *NoDaemonError) Error() string {
	return "chronyc: no chronyd answers: " + strings.Join(e.Tried, "; ")
}

// NotLocalError is an address of another machine, whose chronyd speaks about another clock.
type NotLocalError struct{ Address string }

func (e *NotLocalError) Error() string {
	return "chronyc: " + e.Address + " is not an address of this machine, and its chronyd speaks about its own clock"
}

// Reach connects to the daemon and asks it once. It returns [*NoDaemonError] if none answers
// and [*NotLocalError] for an address of another machine.
func Reach(ctx context.Context, o Options) (*Daemon, error) {
	type try struct {
		where string
		dial  func() (*Daemon, error)
	}
	var tries []try
	socket := func(path string) {
		tries = append(tries, try{path, func() (*Daemon, error) { return dialUnix(path, o.Timeout) }})
	}
	udp := func(addr netip.AddrPort) {
		tries = append(tries, try{addr.String(), func() (*Daemon, error) { return dialUDP(addr, o.Timeout) }})
	}
	switch {
	case o.Socket != "":
		socket(o.Socket)
	case o.Address != "":
		addr, err := local(ctx, o)
		if err != nil {
			return nil, err
		}
		udp(addr)
	default:
		for _, path := range defaultSockets() {
			socket(path)
		}
		for _, ip := range []string{"127.0.0.1", "::1"} {
			udp(netip.MustParseAddrPort(net.JoinHostPort(ip, DefaultPort)))
		}
	}
	none := &NoDaemonError{}
	for _, try := range tries {
		d, err := try.dial()
		if err == nil {
			if _, err = d.tracking(ctx); err == nil {
				return d, nil
			}
			_ = d.Close()
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		none.Tried = append(none.Tried, try.where+": "+why(err))
	}
	return nil, none
}

// why leaves out of an error where it happened.
func why(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno.Error()
	}
	return strings.TrimPrefix(err.Error(), "chronyc: ")
}

// local resolves the address and refuses one of another machine.
func local(ctx context.Context, o Options) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil {
		host, port = strings.Trim(o.Address, "[]"), DefaultPort
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	number, err := net.DefaultResolver.LookupPort(ctx, "udp", port)
	if err != nil || number == 0 {
		return netip.AddrPort{}, &net.AddrError{Err: "no port", Addr: o.Address}
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, &net.AddrError{Err: "the name does not resolve", Addr: o.Address}
	}
	own, err := net.InterfaceAddrs()
	for _, ip := range ips {
		ip = ip.Unmap()
		if ip.IsLoopback() || err == nil && owns(own, ip) {
			return netip.AddrPortFrom(ip, uint16(number)), nil
		}
	}
	return netip.AddrPort{}, &NotLocalError{o.Address}
}

func owns(own []net.Addr, ip netip.Addr) bool {
	for _, addr := range own {
		if prefix, err := netip.ParsePrefix(addr.String()); err == nil && prefix.Addr().Unmap() == ip.WithZone("") {
			return true
		}
	}
	return false
}

func dialUDP(addr netip.AddrPort, timeout time.Duration) (*Daemon, error) {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, err
	}
	return newDaemon(conn, "udp "+addr.String(), timeout), nil
}

// longestSocket is how long the path of a socket may be. Source: Linux, unix(7), sun_path with its zero byte;
// others allow 103 bytes, and say so themselves.
const longestSocket = 107

// dialUnix opens the daemon's socket. The daemon can only reply to a socket that has a name, so
// ours gets one, beside the daemon's as that of chronyc, where the daemon may write whatever
// confines it; by its whole path, since the daemon works in another folder.
func dialUnix(path string, timeout time.Duration) (*Daemon, error) {
	info, err := os.Stat(path) // before anything is made beside it
	if err != nil {
		return nil, err
	}
	whole, err := filepath.Abs(path)
	ours := filepath.Join(filepath.Dir(whole), fmt.Sprintf("clockctl.%d.%d.sock", os.Getpid(), rand.Uint32()))
	switch {
	case err != nil:
		return nil, err
	case info.Mode().Type() != os.ModeSocket:
		return nil, errors.New("it is no socket")
	case len(ours) > longestSocket:
		return nil, fmt.Errorf("a socket beside it, for the replies, would have a path of more than %d bytes", longestSocket)
	}
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: ours, Net: "unixgram"}, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		_ = os.Remove(ours) // it may be bound and not connected
		return nil, err
	}
	d := newDaemon(conn, "unix "+path, timeout)
	d.Unix, d.path = true, ours
	if err := os.Chmod(ours, 0o666); err != nil { // the daemon may have another user
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

func newDaemon(conn net.Conn, where string, timeout time.Duration) *Daemon {
	g := &guard{Conn: conn}
	return &Daemon{Where: where, client: chrony.Client{Connection: g, Sequence: rand.Uint32()}, guard: g, timeout: timeout}
}

// Close ends the connection and removes what was made for it.
func (d *Daemon) Close() error {
	err := d.guard.Close()
	if d.path != "" {
		_ = os.Remove(d.path)
	}
	return err
}
