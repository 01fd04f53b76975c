package ntpprobe

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// DefaultPort is the port of NTP.
const DefaultPort = 123

// Server names a time server and how far it is trusted.
type Server struct {
	// Address is HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address; the port
	// is 123 if absent.
	Address string
	// Domain is the failure domain: servers of one domain may lie together and
	// count once. Empty: the host is a domain of its own, and on loopback each
	// port is.
	Domain string
	// Margin is added to the server's claimed error.
	Margin time.Duration
	// Scale multiplies the server's root dispersion; 0 means 1. Use 2 or more
	// for servers that report one standard deviation, such as ntpd-rs.
	Scale float64
	// MinOneWay is the least time that a packet takes in each direction. Only
	// set it if distance guarantees it (3.3 µs per km), never for anycast.
	MinOneWay time.Duration
	// Smear names the way in which the server spreads leap seconds, such as
	// "google24h"; empty: it does not. The name is free, but the same for all servers: those on
	// different time scales are never mixed. What they say of leap seconds is then ignored.
	Smear string
	// RootRoundsUp says that the server rounds its root delay and dispersion up to what
	// the protocol can carry (chronyd does; ntpd and ntpd-rs cut them off), which saves
	// 22.9 µs of its error. HAZARD: set it only if you run the server.
	RootRoundsUp bool
	// Private allows polling faster than every 16 s. Loopback and link-local
	// addresses count as private anyway.
	Private bool
}

// Servers returns servers with these addresses and everything else left to the
// defaults.
func Servers(addresses ...string) []Server {
	servers := make([]Server, len(addresses))
	for i, a := range addresses {
		servers[i].Address = a
	}
	return servers
}

// AddressError reports a server address that cannot be used. It was found
// before any packet was sent.
type AddressError struct {
	Address string
	Reason  string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("ntpprobe: server %q: %s", e.Address, e.Reason)
}

// ConfigError reports a setting that cannot work.
type ConfigError struct {
	Setting string
	Reason  string
}

func (e *ConfigError) Error() string { return fmt.Sprintf("ntpprobe: %s: %s", e.Setting, e.Reason) }

// endpoint is a parsed address.
type endpoint struct {
	host string // a name or an IP address without brackets
	ip   netip.Addr
	port uint16
}

// parseAddress takes the four forms apart. It does not resolve names.
func parseAddress(address string) (endpoint, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return endpoint{}, err
	}
	if !strings.Contains(host, ":") {
		host = strings.TrimSuffix(host, ".") // the root of the name system: the same name
	}
	if err := checkHost(address, host); err != nil {
		return endpoint{}, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return endpoint{}, &AddressError{address, fmt.Sprintf("port %q is not a number from 1 to 65535", port)}
	}
	e := endpoint{host: strings.ToLower(host), port: uint16(number)}
	if ip, err := netip.ParseAddr(host); err == nil {
		e.ip, e.host = ip.Unmap(), ip.Unmap().String()
	}
	return e, nil
}

func splitAddress(address string) (host, port string, err error) {
	defaultPort := strconv.Itoa(DefaultPort)
	switch {
	case strings.HasPrefix(address, "[") && strings.HasSuffix(address, "]"):
		return address[1 : len(address)-1], defaultPort, nil
	case strings.Count(address, ":") == 0, !strings.HasPrefix(address, "[") && strings.Count(address, ":") > 1:
		return address, defaultPort, nil // a name, IPv4 or bare IPv6
	}
	host, port, err = net.SplitHostPort(address)
	if err != nil {
		return "", "", &AddressError{address, "write HOST, HOST:PORT or [IPV6]:PORT"}
	}
	return host, port, nil
}

// checkHost refuses what no resolver could know, so that a typing mistake is a
// usage error and not a time-out.
func checkHost(address, host string) error {
	switch {
	case host == "":
		return &AddressError{address, "the host is missing"}
	case len(host) > 253 || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`/\@?#[]"'`, r) }):
		return &AddressError{address, "not a host name or an IP address (names beyond ASCII: write their xn-- form)"}
	case !strings.Contains(host, ":") && strings.Contains("."+host+".", ".."):
		return &AddressError{address, "a part of the host name between two dots is missing"}
	case strings.Contains(host, ":"):
		if _, err := netip.ParseAddr(host); err != nil {
			return &AddressError{address, "not a valid IPv6 address; write HOST, HOST:PORT or [IPV6]:PORT"}
		}
	}
	return nil
}

// canonical is host:port in one spelling, by which sources are told apart.
func (e endpoint) canonical() string {
	return net.JoinHostPort(e.host, strconv.Itoa(int(e.port)))
}

// local reports whether the address is on this machine or link by its look.
func (e endpoint) local() bool { return e.here() || e.ip.IsLinkLocalUnicast() }

// here reports whether the address is on this machine by its look: loopback, or
// unspecified, which the system takes for loopback.
func (e endpoint) here() bool {
	return e.host == "localhost" || e.ip.IsLoopback() || e.ip.IsUnspecified()
}

// home is this machine's usual loopback address.
var home = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// plainHost is an address by which machines are told apart: of this machine's usual
// ones only one, since a server mostly listens on all of them. The other addresses of
// 127.0.0.0/8 stand for machines of their own.
func plainHost(ip netip.Addr) netip.Addr {
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip.WithZone("") == netip.IPv6Loopback() {
		return home
	}
	return ip
}

// domain is the failure domain of a server that names none: the host, since one
// operator answers for it on any port, but host and port on loopback.
func (e endpoint) domain() string {
	switch {
	case e.host == "localhost":
		return netip.AddrPortFrom(home, e.port).String()
	case e.here():
		return netip.AddrPortFrom(plainHost(e.ip), e.port).String()
	case e.ip.IsValid():
		return plainHost(e.ip).String()
	}
	return e.host
}

// validate checks the numbers of the policy.
func (s Server) validate() error {
	switch {
	case s.Margin < 0:
		return &AddressError{s.Address, "the margin cannot be negative"}
	case s.MinOneWay < 0 || s.MinOneWay > time.Minute:
		return &AddressError{s.Address, "the least one-way delay must be from 0 to 1 minute"}
	case s.Scale != 0 && !(s.Scale >= 1 && s.Scale <= 1000) || math.IsNaN(s.Scale):
		return &AddressError{s.Address, "the scale must be from 1 to 1000 (0 means 1)"}
	case s.Margin > time.Hour:
		return &AddressError{s.Address, "the margin cannot exceed 1 hour"}
	}
	return nil
}

// parse validates the server and returns where it is.
func (s Server) parse() (endpoint, error) {
	if err := s.validate(); err != nil {
		return endpoint{}, err
	}
	return parseAddress(s.Address)
}

// Canonical returns the address as host:port in one spelling: lower case, with
// the port, IPv6 in brackets. It returns an [*AddressError] if there is none.
func (s Server) Canonical() (string, error) {
	e, err := s.parse()
	if err != nil {
		return "", err
	}
	return e.canonical(), nil
}

// IsPrivate reports whether the server may be asked more often than every 16 s:
// it is marked Private, or its address is loopback or link-local.
func (s Server) IsPrivate() bool {
	e, err := s.parse()
	return err == nil && (s.Private || e.local())
}

// FailureDomain returns Domain, or the default for the address.
func (s Server) FailureDomain() string {
	if s.Domain != "" {
		return s.Domain
	}
	e, err := s.parse()
	if err != nil {
		return s.Address
	}
	return e.domain()
}
