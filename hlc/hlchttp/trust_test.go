package hlchttp

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNetworks(t *testing.T) {
	trusted := Networks(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	for address, want := range map[string]bool{
		"10.1.2.3:5000": true, "[::ffff:10.1.2.3]:5000": true, "[fd00::1]:5000": true, "[fd00::1%eth0]:5000": true,
		"11.1.2.3:5000": false, "[fe80::1]:5000": false, "@": false, "": false, "10.1.2.3": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = address
		r.Header.Set("X-Forwarded-For", "10.1.2.3")
		require.Equal(t, want, trusted(r), address)
		require.False(t, Networks()(r), "no network is nobody")
	}
}

func TestCertificates(t *testing.T) {
	spiffe, err := url.Parse("spiffe://example/orders")
	require.NoError(t, err)
	leaf := &x509.Certificate{DNSNames: []string{"orders.internal"}, URIs: []*url.URL{spiffe}}
	verified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, {DNSNames: []string{"ca"}}}}}
	shown := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	for _, c := range []struct {
		state *tls.ConnectionState
		name  string
		want  bool
	}{
		{verified, "orders.internal", true}, {verified, "spiffe://example/orders", true},
		{verified, "ca", false}, {verified, "orders", false}, {verified, "", false},
		{shown, "orders.internal", false}, {nil, "orders.internal", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.TLS = c.state
		require.Equal(t, c.want, Certificates("other", c.name)(r), "%q", c.name)
		require.False(t, Certificates()(r))
	}
}

func TestHosts(t *testing.T) {
	for address, want := range map[string]bool{
		"http://orders.internal:8080/x": true, "http://ORDERS.internal/x": true, "https://pinned:8443/": true,
		"https://pinned/": false, "https://pinned:8444/": false, "http://orders.internal.evil/": false,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		require.Equal(t, want, Hosts("orders.internal", "pinned:8443")(r), address)
	}
	r := httptest.NewRequest(http.MethodGet, "http://orders.internal/", nil)
	require.False(t, Hosts("orders.internal")(r), "a server's: the sender writes the URL")
	require.False(t, Hosts("x")(&http.Request{}))
}

func TestPeerHost(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://name/", nil)
	r.RemoteAddr = "[fd00::1]:5000"
	require.Equal(t, "fd00::1", peerHost(r))
	r.RemoteAddr = ""
	require.Equal(t, "name", peerHost(r))
	require.Empty(t, peerHost(&http.Request{}))
}
