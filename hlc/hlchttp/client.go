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
// RoundTrip returns the reason, wrapped, if the stamp of the reply is refused, or the clock fails. The
// server may then have done what it was asked for; only its answer is withheld.
// Receipt and stamp of a round trip are in response.Request: the first by
// [From] of its context, the second in its header.
func Transport(clock Clock, base http.RoundTripper, o Options) (http.RoundTripper, error) {
	s, err := newSide(clock, o)
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
	sent := request.WithContext(request.Context())
	if sent.Header = request.Header.Clone(); sent.Header == nil {
		sent.Header = http.Header{}
	}
	if err := t.stamp(sent.Context(), sent.Header); err != nil {
		if request.Body != nil {
			_ = request.Body.Close() // which is RoundTrip's to do, whatever happens
		}
		return nil, fmt.Errorf("hlchttp: request to %s not stamped: %w", sent.URL.Host, err)
	}
	response, err := t.base.RoundTrip(sent)
	if err != nil || response == nil {
		return response, err
	}
	receipt, err := t.receive(sent.Context(), sent, response.Header)
	if err == nil && t.fatal(receipt.Refused) {
		err = receipt.Refused
	}
	if err != nil {
		_ = response.Body.Close()
		return nil, fmt.Errorf("hlchttp: reply of %s not ordered: %w", sent.URL.Host, err)
	}
	response.Request = sent.WithContext(context.WithValue(sent.Context(), receiptKey{}, receipt))
	return response, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections looks for.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
