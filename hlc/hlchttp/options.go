package hlchttp

import (
	"context"
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

// Header is the name of the header that carries the timestamp, both ways.
const Header = "hlc-timestamp"

// canonical is how net/http spells it.
const canonical = "Hlc-Timestamp"

// Options configures one side. Only Trusted must be set.
type Options struct {
	// Trusted reports whether the peer may move this clock: for a server the
	// sender of the request that it got, for a client the receiver of the request
	// that it sent (whose RemoteAddr, RequestURI and TLS are empty). It is called, by many
	// goroutines, only if there is a stamp.
	Trusted func(*http.Request) bool

	// Peer names the peer for the clock's Stats, on the same terms as Trusted and only for
	// those who are. nil: a server takes the address of the connection without its port, a
	// client the host in the URL. hlc.MaxPeers names are kept, so it should come from a
	// small set.
	Peer func(*http.Request) string

	// AllowRefused goes on without ordering when a trusted peer's stamp is
	// refused. Otherwise the server replies 400 with the reason (503 for a *hlc.NoLatestError,
	// which is no fault of the sender), and RoundTrip returns it.
	//
	// HAZARD: what follows is stamped as if the peer had not been heard, so
	// effects may be below their causes; look at Receipt.Refused.
	AllowRefused bool

	// RequireStamp refuses what came without a stamp (the server replies 400), or
	// with one from a peer that is not trusted (403). Otherwise that is a local
	// event, as of any peer that keeps no hybrid time: a browser, a health check.
	//
	// HAZARD: the 502 of a proxy has no stamp, nor has the 503 of a server whose clock has
	// failed; a client that requires one gets [ErrMissing] in their place.
	RequireStamp bool

	// OnRefused, if set, is told why each request or reply was not ordered:
	// [ErrMissing], [ErrUntrusted], a [*MalformedError], one of hlc's refusals (see [Clock]), or
	// a [*ClockError] if nothing could be stamped, which may come second. It is called by many
	// goroutines, and each waits for it.
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

type requestKey struct{}
type replyKey struct{}

// FromRequest returns the receipt of the request that a handler serves, from its context. It
// reports false if it did not come through [Server].
func FromRequest(ctx context.Context) (Receipt, bool) {
	receipt, ok := ctx.Value(requestKey{}).(Receipt)
	return receipt, ok
}

// FromReply returns the receipt of a reply that a client got. It reports false if it did not
// come through [Transport]. The stamp of the request is in the header of response.Request.
func FromReply(response *http.Response) (Receipt, bool) {
	if response == nil || response.Request == nil {
		return Receipt{}, false
	}
	receipt, ok := response.Request.Context().Value(replyKey{}).(Receipt)
	return receipt, ok
}
