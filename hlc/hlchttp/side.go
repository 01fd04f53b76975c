package hlchttp

import (
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

// side is what both ends of a connection have in common: how a stamp is sent, and how
// one is received.
type side struct {
	clock Clock
	Options
}

func newSide(clock Clock, o Options, peer func(*http.Request) string) (*side, error) {
	switch {
	case clock == nil:
		return nil, ErrNoClock
	case o.Trusted == nil:
		return nil, ErrNoTrust
	}
	if o.Peer == nil {
		o.Peer = peer
	}
	return &side{clock: clock, Options: o}, nil
}

// stamp sets the one timestamp in header to that of a new event. On a [*ClockError]
// there is none in it.
func (s *side) stamp(r *http.Request, header http.Header) error {
	delete(header, Header) // a key that is not canonical would be sent beside ours
	delete(header, canonical)
	ts, err := s.clock.Now(r.Context())
	if err != nil {
		return s.failed(r, err)
	}
	header.Set(canonical, ts.String())
	return nil
}

// receive makes the event of receiving header from r's peer. The error is why the
// request or the round trip must end.
func (s *side) receive(r *http.Request, header http.Header) (Receipt, error) {
	sent, why := s.believed(r, header)
	if why == nil {
		at, err := s.clock.UpdateFrom(r.Context(), s.Peer(r), sent)
		switch {
		case err == nil:
			return Receipt{At: at, Sent: sent}, nil
		case !refusal(err):
			return Receipt{}, s.failed(r, err)
		}
		why = err
	}
	s.report(r, why)
	if s.fatal(why) {
		return Receipt{}, why
	}
	at, err := s.clock.Now(r.Context())
	if err != nil {
		return Receipt{}, s.failed(r, err)
	}
	return Receipt{At: at, Sent: sent, Refused: why}, nil
}

// believed reads the stamp, if the peer is one to be believed.
func (s *side) believed(r *http.Request, header http.Header) (hlc.Timestamp, error) {
	values := header[canonical]
	switch {
	case len(values) == 0:
		return hlc.Timestamp{}, ErrMissing
	case !s.Trusted(r):
		return hlc.Timestamp{}, ErrUntrusted
	case len(values) > 1:
		return hlc.Timestamp{}, &MalformedError{Headers: len(values)}
	}
	sent, err := hlc.Parse(values[0])
	if err != nil {
		return hlc.Timestamp{}, &MalformedError{Headers: 1, Err: err}
	}
	return sent, nil
}

// fatal reports whether the policy ends the request for this reason.
func (s *side) fatal(why error) bool {
	if why == ErrMissing || why == ErrUntrusted {
		return s.RequireStamp
	}
	return !s.AllowRefused
}

func (s *side) failed(r *http.Request, err error) error {
	failure := &ClockError{Err: err}
	s.report(r, failure)
	return failure
}

func (s *side) report(r *http.Request, why error) {
	if s.OnRefused != nil {
		s.OnRefused(r, why)
	}
}
