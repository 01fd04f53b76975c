package hlchttp

import (
	"context"
	"fmt"
	"net/http"
)

// Transport returns an http.RoundTripper that stamps every request, and makes the
// event of receipt of every reply, before base's result is returned. A nil base
// is http.DefaultTransport. It returns [ErrNoClock] or [ErrNoTrust].
//
// RoundTrip returns the reason, wrapped, if the stamp of the reply is refused or the
// clock fails. The server has then done what it was asked for; only its answer is withheld.
// It also returns a [*ClockError] if the clock fails before; then nothing was sent.
func Transport(clock Clock, base http.RoundTripper, o Options) (http.RoundTripper, error) {
	s, err := newSide(clock, o, receiver)
	if err != nil {
		return nil, err
	}
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{side: s, base: base}, nil
}

type transport struct {
	*side
	base http.RoundTripper
}

// RoundTrip leaves the request as it is, as http.RoundTripper demands, and sends
// a copy with a stamp.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := outgoing(request)
	if err := t.stamp(sent, sent.Header); err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // RoundTrip always does
		}
		return nil, err
	}
	response, err := t.base.RoundTrip(sent)
	if err != nil || response == nil {
		return response, err
	}
	receipt, err := t.receive(sent, response.Header)
	if err != nil {
		if response.Body != nil {
			_ = response.Body.Close()
		}
		return nil, fmt.Errorf("hlchttp: reply of %s not ordered: %w", receiver(sent), err)
	}
	delete(response.Header, canonical) // as in withoutStamp
	response.Request = sent.WithContext(context.WithValue(sent.Context(), replyKey{}, receipt))
	return response, nil
}

// outgoing returns a copy with a header of its own. A request that a proxy passes on still
// says who sent it, which must not be taken for who receives it.
func outgoing(request *http.Request) *http.Request {
	sent := request.WithContext(request.Context())
	sent.RemoteAddr, sent.RequestURI, sent.TLS = "", "", nil
	if sent.Header = request.Header.Clone(); sent.Header == nil {
		sent.Header = http.Header{}
	}
	return sent
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// receiver is the host as the URL names it.
func receiver(r *http.Request) string {
	if r.URL == nil {
		return ""
	}
	return r.URL.Host
}
