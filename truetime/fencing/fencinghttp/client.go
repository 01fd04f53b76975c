package fencinghttp

import (
	"net/http"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// Transport returns an http.RoundTripper that sends the token of the request's context (fencing.NewContext, lease.Guard.Do) in its
// header. A request whose context has none is sent as it is. A nil base is http.DefaultTransport.
//
// HAZARD: a client that follows a redirect sends the token to the other host too.
func Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{base: base}
}

type transport struct{ base http.RoundTripper }

// RoundTrip leaves the request as it is, as http.RoundTripper demands, and sends a copy.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, ok := fencing.FromContext(r.Context())
	if !ok {
		return t.base.RoundTrip(r)
	}
	sent := r.WithContext(r.Context())
	if sent.Header = r.Header.Clone(); sent.Header == nil {
		sent.Header = http.Header{}
	}
	sent.Header.Set(Header, token.String())
	return t.base.RoundTrip(sent)
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// Refused returns a [*fencing.StaleError] if the reply says that the request's token is stale, [fencing.ErrNoToken] if it says that there was
// none, and nil for all else. Its Resource is the path that was asked for.
func Refused(response *http.Response) error {
	switch response.StatusCode {
	case http.StatusPreconditionRequired:
		if r := response.Request; r != nil && r.Header.Get(Header) != "" {
			return nil // of another precondition
		}
		return fencing.ErrNoToken
	case http.StatusPreconditionFailed:
	default:
		return nil
	}
	highest, err := fencing.Parse(response.Header.Get(HighestHeader))
	if err != nil {
		return nil // of another precondition
	}
	stale := &fencing.StaleError{Highest: highest}
	if r := response.Request; r != nil {
		stale.Resource = r.URL.Path
		stale.Token, _ = fencing.Parse(r.Header.Get(Header))
	}
	return stale
}
