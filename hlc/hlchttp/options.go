package hlchttp

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

// Header is the name of the header that carries the timestamp, both ways.
const Header = "hlc-timestamp"

// Unavailable stands in the header of a reply that could not be stamped, because the clock failed
// after the handler had done its work. No client takes it for a timestamp.
const Unavailable = "unavailable"

// Clock is what stamps: a *hlc.Durable as it is, or an *hlc.Clock by [Plain].
type Clock interface {
	Now(ctx context.Context) (hlc.Timestamp, error)
	UpdateFrom(ctx context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error)
}

// Plain makes a Clock of an *hlc.Clock. It is nil for nil.
func Plain(clock *hlc.Clock) Clock {
	if clock == nil {
		return nil
	}
	return plain{clock}
}

type plain struct{ *hlc.Clock }

func (p plain) Now(context.Context) (hlc.Timestamp, error) {
	if ts := p.Clock.Now(); !ts.IsZero() {
		return ts, nil
	}
	return hlc.Timestamp{}, hlc.ErrExhausted
}

func (p plain) UpdateFrom(_ context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error) {
	return p.Clock.UpdateFrom(peer, remote)
}

var (
	// ErrNoTrust: Options.Trusted is nil, so nobody decided who may move the clock.
	ErrNoTrust = errors.New("hlchttp: Options.Trusted is nil; say who may move this clock: Networks, Certificates, Hosts, Everyone or a function")
	// ErrNoClock: there is no clock to stamp with.
	ErrNoClock = errors.New("hlchttp: the clock is nil")
	// ErrMissing: a request or a reply came without a timestamp.
	ErrMissing = errors.New("hlchttp: there is no " + Header + " header")
	// ErrUntrusted: it came with one, from a peer that may not move this clock.
	ErrUntrusted = errors.New("hlchttp: the peer is not trusted to move this clock")
)

// MalformedError reports a header of a trusted peer that is not one timestamp in text form.
type MalformedError struct{ Err error } // a *hlc.ParseError, if there is one value of a sane length

func (e *MalformedError) Error() string {
	return fmt.Sprintf("hlchttp: the %s header is malformed: %v", Header, e.Err)
}

// Unwrap returns what is wrong.
func (e *MalformedError) Unwrap() error { return e.Err }

// Options configures one side. Only Trusted must be set.
type Options struct {
	// Trusted reports whether the peer may move this clock: for a server the
	// sender of the request that it got, for a client the receiver of the request
	// that it sent. It is called, by many goroutines, only if there is a stamp.
	Trusted func(*http.Request) bool

	// AllowRefused goes on without ordering when a trusted peer's stamp is
	// refused. Otherwise the server replies 400 with the reason, and RoundTrip
	// returns it.
	//
	// HAZARD: what follows is stamped as if the peer had not been heard, so
	// effects may be below their causes; look at Receipt.Refused.
	AllowRefused bool

	// RequireStamp refuses what came without a stamp (the server replies 400), or
	// with one from a peer that is not trusted (403). Otherwise that is a local
	// event, as of any peer that keeps no hybrid time: a browser, a health check.
	RequireStamp bool

	// Peer names the sender of a stamp for the statistics of the clock (hlc.Stats.Peers), by the request as
	// for Trusted. nil means the host of its address, without the port: for a server that of
	// the connection, for a client that of the URL.
	Peer func(*http.Request) string

	// OnRefused, if set, is told why each request or reply was not ordered:
	// [ErrMissing], [ErrUntrusted], a [*MalformedError], or what hlc.Clock.Update
	// returned; and of a failure of the clock. It is called by many goroutines, and each waits for it.
	OnRefused func(r *http.Request, why error)
}

// Receipt is the event of receiving a request or a reply.
type Receipt struct {
	// At is when the event was, by this side's clock. It is above Sent if Refused
	// is nil.
	At hlc.Timestamp
	// Sent is the peer's stamp; unset if there was none, the peer is not trusted
	// or it cannot be read.
	Sent hlc.Timestamp
	// Refused is why the peer's stamp did not count, as for Options.OnRefused.
	Refused error
}

type receiptKey struct{}

// From returns the receipt of the request whose context this is: in a handler
// r.Context(), in a client response.Request.Context() for the receipt of the
// reply. It reports false if the middleware was not there.
//
// HAZARD: a request made with a handler's context carries the handler's receipt
// until its own reply is there.
func From(ctx context.Context) (Receipt, bool) {
	receipt, ok := ctx.Value(receiptKey{}).(Receipt)
	return receipt, ok
}
