package hlchttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

// side is what both ends of a connection have in common.
type side struct {
	clock Clock
	Options
}

func newSide(clock Clock, o Options) (*side, error) {
	switch {
	case clock == nil:
		return nil, ErrNoClock
	case o.Trusted == nil:
		return nil, ErrNoTrust
	}
	if o.Peer == nil {
		o.Peer = peerHost
	}
	return &side{clock: clock, Options: o}, nil
}

// peerHost is the default of Options.Peer. Only servers set RemoteAddr.
func peerHost(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	if r.URL != nil {
		return r.URL.Hostname()
	}
	return ""
}

// receive makes the event of receiving header from r's peer. The error is one of the clock
// itself, after which there is no event.
func (s *side) receive(ctx context.Context, r *http.Request, header http.Header) (Receipt, error) {
	sent, why := s.believed(r, header)
	if why == nil {
		var at hlc.Timestamp
		if at, why = s.clock.UpdateFrom(ctx, s.Peer(r), sent); why == nil {
			return Receipt{At: at, Sent: sent}, nil
		}
	}
	if s.OnRefused != nil {
		s.OnRefused(r, why)
	}
	if !isRefusal(why) {
		return Receipt{}, why
	}
	at, err := s.clock.Now(ctx)
	return Receipt{At: at, Sent: sent, Refused: why}, err
}

// isRefusal tells what is wrong with a stamp from what is wrong with our clock.
func isRefusal(err error) bool {
	for _, is := range []error{ErrMissing, ErrUntrusted, hlc.ErrUnset, hlc.ErrExhausted} {
		if errors.Is(err, is) {
			return true
		}
	}
	return errors.As(err, new(*MalformedError)) || errors.As(err, new(*hlc.TooFarAheadError)) ||
		errors.As(err, new(*hlc.LogicalTooHighError)) || errors.As(err, new(*hlc.NoLatestError))
}

// longest is the length of the highest timestamp, 9223372036.854775807,4294967295, and a sign.
const longest = 32

// believed reads the stamp, if the peer is one to be believed.
func (s *side) believed(r *http.Request, header http.Header) (hlc.Timestamp, error) {
	values := header.Values(Header)
	switch {
	case len(values) == 0:
		return hlc.Timestamp{}, ErrMissing
	case !s.Trusted(r):
		return hlc.Timestamp{}, ErrUntrusted
	case len(values) > 1:
		return hlc.Timestamp{}, &MalformedError{errors.New("there is more than one")}
	case len(values[0]) > longest:
		return hlc.Timestamp{}, &MalformedError{fmt.Errorf("it is too long: %d bytes", len(values[0]))}
	}
	ts, err := hlc.Parse(values[0])
	if err != nil {
		return hlc.Timestamp{}, &MalformedError{err}
	}
	return ts, nil
}

// fatal reports whether the policy ends the request for this reason.
func (s *side) fatal(why error) bool {
	switch {
	case why == nil:
		return false
	case errors.Is(why, ErrMissing), errors.Is(why, ErrUntrusted):
		return s.RequireStamp
	}
	return !s.AllowRefused
}

// stamp sets the one timestamp in header to that of a new event.
func (s *side) stamp(ctx context.Context, header http.Header) error {
	ts, err := s.clock.Now(ctx)
	delete(header, Header) // a key that is not canonical would be sent beside ours
	if err != nil {
		header.Set(Header, Unavailable)
		return err
	}
	header.Set(Header, ts.String())
	return nil
}
