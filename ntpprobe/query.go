package ntpprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/beevik/ntp"

	"github.com/trueclock/trueclock/truetime"
)

// DefaultTimeout ends an exchange whose context has no deadline, resolving and
// dialling included.
const DefaultTimeout = time.Second

// Query makes one exchange with a server and returns the sample. T1 and T4 come
// from the local clock, read at the socket; on Linux the kernel's receive stamp
// puts T4 earlier where it can be believed.
//
// It returns an [*AddressError] for an address that cannot be used, a
// [*RejectedError] with the reason when there is no usable reply, the
// context's cause if ctx was cancelled or over before anything was sent, and the
// local clock's own error. With a RejectedError the Sample holds what is
// known about the server, for display only.
//
// Without a deadline in ctx the exchange ends after [DefaultTimeout].
func Query(ctx context.Context, server Server, local truetime.LocalClock) (Sample, error) {
	return QueryVia(ctx, nil, server, local)
}

// Dialer opens the socket of an exchange; a [*net.Dialer] is one. The address is
// an IP address and a port: names are resolved before.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// QueryVia is [Query] over a socket that the dialer opens, for callers that bind
// it to an interface or carry it through something else. A nil dialer is a plain
// [net.Dialer].
func QueryVia(ctx context.Context, dialer Dialer, server Server, local truetime.LocalClock) (Sample, error) {
	s, err := newSession(server, local, Limits{}, dialer)
	if err != nil {
		return Sample{}, err
	}
	return s.query(ctx)
}

// session asks one server again and again and keeps the address that answered,
// since a name should be resolved rarely.
type session struct {
	server   Server
	endpoint endpoint
	local    truetime.LocalClock
	limits   Limits
	dialer   Dialer

	answered netip.AddrPort // the address in use; invalid: resolve
	failures int            // exchanges in a row without a usable reply from it
	turn     int            // which of the addresses of a name comes first
}

// resolveAgain is the number of failures after which a name is resolved anew.
const resolveAgain = 3

func newSession(server Server, local truetime.LocalClock, limits Limits, dialer Dialer) (*session, error) {
	e, err := server.parse()
	if err != nil {
		return nil, err
	}
	if local == nil {
		return nil, &ConfigError{"local clock", "it is missing; make one with truetime.NewLocalClock"}
	}
	if dialer == nil {
		dialer = &net.Dialer{}
	}
	return &session{server: server, endpoint: e, local: truetime.Strict(local), limits: limits, dialer: dialer}, nil
}

// query makes one exchange, trying the addresses of the server until one
// replies.
func (s *session) query(ctx context.Context) (Sample, error) {
	if ctx.Err() != nil {
		return Sample{}, fmt.Errorf("ntpprobe: %s: %w", s.server.Address, context.Cause(ctx))
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
		defer cancel()
	}
	addresses, err := s.addresses(ctx)
	if err != nil {
		return Sample{Server: s.server}, s.failed(ctx, err, 0)
	}
	var sample Sample
	for i, address := range addresses {
		sample, err = s.tryAddress(ctx, address, len(addresses)-i)
		if answered(err) {
			s.answered = address
			break
		}
	}
	switch {
	case usable(err):
		s.failures = 0
	case !s.answered.IsValid():
		s.turn++
	default:
		if s.failures++; s.failures >= resolveAgain {
			s.answered, s.failures = netip.AddrPort{}, 0
			s.turn++
		}
	}
	return sample, err
}

// answered reports whether something came back, good or bad.
func answered(err error) bool {
	var rejected *RejectedError
	return err == nil || errors.As(err, &rejected) && !rejected.Reason.Unreachable()
}

// usable reports whether there is no reason to try another address of the name: a
// kiss is meant for us and not for the address.
func usable(err error) bool {
	var rejected *RejectedError
	return err == nil || errors.As(err, &rejected) && rejected.Reason.KissCode() != ""
}

// addresses returns where to send: the address that answered before, or one of
// each family, in the resolver's order but beginning with the next one each time that none served.
func (s *session) addresses(ctx context.Context) ([]netip.AddrPort, error) {
	if s.answered.IsValid() {
		return []netip.AddrPort{s.answered}, nil
	}
	if s.endpoint.ip.IsValid() {
		return []netip.AddrPort{netip.AddrPortFrom(s.endpoint.ip, s.endpoint.port)}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.endpoint.host)
	if err != nil {
		return nil, err
	}
	var picked []netip.AddrPort
	for i := range ips {
		ip := ips[(i+s.turn)%len(ips)].Unmap()
		if len(picked) == 0 || picked[0].Addr().Is4() != ip.Is4() {
			picked = append(picked, netip.AddrPortFrom(ip, s.endpoint.port))
		}
		if len(picked) == 2 {
			break
		}
	}
	if len(picked) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: s.endpoint.host, IsNotFound: true}
	}
	return picked, nil
}

// tryAddress makes one exchange in its share of the time that is left.
func (s *session) tryAddress(ctx context.Context, address netip.AddrPort, shares int) (Sample, error) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(shares))
		defer cancel()
	}
	return s.exchange(ctx, address)
}

// exchange sends one request to one address and waits for its reply.
func (s *session) exchange(ctx context.Context, address netip.AddrPort) (Sample, error) {
	sample := Sample{Server: s.server, Remote: address}
	socket, err := s.dialer.DialContext(ctx, "udp", address.String())
	if err != nil {
		return sample, s.failed(ctx, err, 0)
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = socket.SetDeadline(deadline) // fails only on a closed socket, and then so does the read
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return s.exchangeOn(ctx, sample, socket)
}

// exchangeOn makes the exchange on a connected socket and closes it. The
// library builds the request, checks the reply and decodes the stamps. What it
// computes from the wall clock we do not use, so it gets none.
func (s *session) exchangeOn(ctx context.Context, sample Sample, socket net.Conn) (Sample, error) {
	conn := newExchangeConn(socket, s.local)
	reply, err := ntp.QueryWithOptions(s.endpoint.canonical(), ntp.QueryOptions{
		Dialer:        func(string, string) (net.Conn, error) { return conn, nil },
		GetSystemTime: func() time.Time { return time.Unix(0, 0) },
	})
	switch {
	case conn.clockErr != nil:
		return sample, fmt.Errorf("ntpprobe: %s: the local clock: %w", s.server.Address, conn.clockErr)
	case !conn.got:
		return sample, s.failed(ctx, cmp.Or(conn.networkErr, err), conn.strays)
	}
	sample.T1, sample.T4, sample.KernelGain, sample.Header = conn.t1, conn.t4, conn.gain, conn.header
	if reply != nil {
		sample.T2 = reply.Timestamps.ServerRecv.UnixNano()
		sample.T3 = reply.Timestamps.ServerXmit.UnixNano()
	}
	return sample, s.judge(sample, err, socket.LocalAddr())
}

// judge decides whether a reply is a sample. Our own checks come first: they
// know more reasons than the library, which returns no reply at all for some.
func (s *session) judge(sample Sample, libraryErr error, self net.Addr) error {
	header := sample.Header
	if libraryErr != nil && !header.transmitZero && !header.receiveZero {
		if err := sample.checkHeader(); err != nil {
			return err
		}
		if errors.Is(libraryErr, ntp.ErrServerTickedBackwards) {
			return sample.rejected(ReasonImpossible, "the server sent its reply before it received the request")
		}
		err := sample.rejected(ReasonMalformed, libraryErr.Error())
		err.Err = libraryErr
		return err
	}
	if err := sample.Check(s.limits); err != nil {
		return err
	}
	if header.Stratum > 1 && isReferenceOf(header.ReferenceID, self) {
		return sample.rejected(ReasonLoop, "the server takes its time from this machine")
	}
	return nil
}

// failed turns an error before the reply into what the caller is told: the
// context's cause if it was cancelled, else a reason.
func (s *session) failed(ctx context.Context, err error, strays int) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("ntpprobe: %s: %w", s.server.Address, context.Cause(ctx))
	}
	reason, detail := networkReason(err, strays)
	return &RejectedError{Server: s.server.Address, Reason: reason, Detail: detail, Err: err}
}
