package hlchttp

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// listen serves handler as a program would, and returns the address.
func listen(t *testing.T, network, address string, handler http.Handler) net.Addr {
	t.Helper()
	listener, err := net.Listen(network, address)
	require.NoError(t, err)
	server := &http.Server{Handler: handler, ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-ended, http.ErrServerClosed)
	})
	return listener.Addr()
}

// TestWire_AsItIs looks at the bytes: one stamp, spelled as HTTP/1 spells headers.
func TestWire_AsItIs(t *testing.T) {
	s := &site{clock: newClock(t, 0)}
	address := listen(t, "tcp", "127.0.0.1:0", s.stamped(t, Plain(s.clock), Options{})(http.NotFoundHandler()))
	conn, err := net.Dial("tcp", address.String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\nhLC-timeSTAMP: %s\r\nConnection: close\r\n\r\n", stamp(300*time.Millisecond))
	require.NoError(t, err)
	reply, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Contains(t, string(reply), "HTTP/1.1 404 Not Found\r\n")
	require.Contains(t, string(reply), "\r\nHlc-Timestamp: 1790000000.300000000,2\r\n")
	require.Empty(t, s.refused)
}

// TestWire_WhatIsNotHTTPIsNotStamped: the HAZARD of replies made outside of the middleware.
func TestWire_WhatIsNotHTTPIsNotStamped(t *testing.T) {
	s := &site{clock: newClock(t, 0)}
	address := listen(t, "tcp", "127.0.0.1:0", s.stamped(t, Plain(s.clock), Options{})(http.NotFoundHandler()))
	conn, err := net.Dial("tcp", address.String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "HELLO\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	body(t, response)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Empty(t, response.Header.Values(Header))
	require.Zero(t, s.clock.Peek())
}

func TestWire_AnOuterTimeoutIsNotStamped(t *testing.T) {
	slow := make(chan struct{})
	s := &site{clock: newClock(t, 0)}
	s.serve(t, false, http.TimeoutHandler(s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(slow)
	})), time.Millisecond, "too late"))
	client, _ := clientOf(t, s.Server, 0, Options{})
	response, err := client.Get(s.URL)
	require.NoError(t, err)
	body(t, response)
	receipt, _ := FromReply(response)
	require.Equal(t, ErrMissing, receipt.Refused)
	<-slow
}

// TestWire_ASocketInAFile has no address, so no network is trusted.
func TestWire_ASocketInAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := &site{clock: newClock(t, 0)}
	address := listen(t, "unix", path, s.stamped(t, Plain(s.clock), Options{})(http.NotFoundHandler()))
	base := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", address.String())
	}}
	defer base.CloseIdleConnections()
	transport, err := Transport(Plain(newClock(t, 0)), base, Options{Trusted: Hosts("local")})
	require.NoError(t, err)
	response, err := (&http.Client{Transport: transport}).Get("http://local/")
	require.NoError(t, err)
	body(t, response)
	receipt, _ := FromReply(response)
	require.NoError(t, receipt.Refused)
	require.Equal(t, uint64(1), s.clock.Stats().Peers[0].Heard)
}

// newProxy is a proxy in front of back, with the middleware on both of its sides.
func newProxy(t *testing.T, back *site) *site {
	t.Helper()
	target, err := url.Parse(back.URL)
	require.NoError(t, err)
	front := &site{clock: newClock(t, 100*time.Millisecond)}
	transport, err := Transport(Plain(front.clock), back.Client().Transport, Options{Trusted: Hosts(target.Host), RequireStamp: true})
	require.NoError(t, err)
	front.serve(t, false, front.stamped(t, Plain(front.clock), Options{})(proxyTo(target, transport)))
	return front
}

func proxyTo(target *url.URL, transport http.RoundTripper) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, ErrorLog: quiet}
}

// TestWire_AProxyIsAPeerOfBoth: it stamps each hop anew, and does not take what a sender says
// about itself for what it knows of the receiver.
func TestWire_AProxyIsAPeerOfBoth(t *testing.T) {
	var received Receipt
	back := newSite(t, false, Options{}, func(_ http.ResponseWriter, r *http.Request) { received, _ = FromRequest(r.Context()) })
	front := newProxy(t, back)
	client, _ := clientOf(t, front.Server, 200*time.Millisecond, Options{})
	response, err := client.Get(front.URL)
	require.NoError(t, err)
	body(t, response)
	require.Equal(t, http.StatusOK, response.StatusCode)
	receipt, _ := FromReply(response)
	chain := []hlc.Timestamp{only(t, response.Request.Header), received.Sent, received.At, back.clock.Peek(), receipt.Sent, receipt.At}
	for i := range chain[1:] {
		require.True(t, chain[i].Before(chain[i+1]), "%v", chain)
	}
	require.Empty(t, front.refused)
	require.Empty(t, back.refused)
}

// TestWire_AnEdgeDoesNotPassOnAStrangersStamp, even if its client's side keeps no time: the
// service behind trusts the edge.
func TestWire_AnEdgeDoesNotPassOnAStrangersStamp(t *testing.T) {
	back := newSite(t, false, Options{}, func(http.ResponseWriter, *http.Request) {})
	target, err := url.Parse(back.URL)
	require.NoError(t, err)
	edge := &site{clock: newClock(t, 0)}
	edge.serve(t, false, edge.stamped(t, Plain(edge.clock), Options{Trusted: Hosts()})(proxyTo(target, back.Client().Transport)))
	response, _ := edge.get(t, "/", stamp(400*time.Millisecond))
	require.Equal(t, noon, only(t, response.Header).WallTime)
	require.Equal(t, []error{ErrUntrusted}, edge.refused)
	require.Equal(t, []error{ErrMissing}, back.refused)
	require.Equal(t, noon, back.clock.Peek().WallTime)
}

// TestWire_AnUpgradeThroughAProxy: its reply has the proxy's stamp and no other.
func TestWire_AnUpgradeThroughAProxy(t *testing.T) {
	back := newSite(t, false, Options{}, upgrade(t, func() {}))
	front := newProxy(t, back)
	client, _ := clientOf(t, front.Server, 0, Options{RequireStamp: true})
	requireEcho(t, client, front.URL)
	require.Empty(t, front.refused)
	require.Empty(t, back.refused)
}
