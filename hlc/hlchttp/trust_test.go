package hlchttp

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// from is a request as a server gets it.
func from(address string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = address
	return r
}

// to is a request as a Transport sees it.
func to(t testing.TB, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	require.NoError(t, err)
	return r
}

func TestNetworks(t *testing.T) {
	inside := Networks(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("2001:db8::/32"))
	for why, c := range map[string]struct {
		request *http.Request
		trusted bool
	}{
		"inside":                                 {from("10.1.2.3:4567"), true},
		"outside":                                {from("11.1.2.3:4567"), false},
		"inside, by a socket for both":           {from("[::ffff:10.1.2.3]:4567"), true},
		"IPv6 inside":                            {from("[2001:db8::1]:4567"), true},
		"IPv6 outside":                           {from("[2001:db9::1]:4567"), false},
		"link-local, with a zone":                {from("[fe80::1%eth0]:4567"), true},
		"a socket in a file":                     {from("@"), false},
		"nothing":                                {from(""), false},
		"a client's own request, to one of them": {to(t, "http://10.1.2.3:4567"), false},
		"one passed on by a proxy, by one of them":    {outgoing(from("10.1.2.3:4567")), false},
		"a header that claims to be from one of them": {func() *http.Request { r := from("11.1.2.3:1"); r.Header.Set("X-Forwarded-For", "10.1.2.3"); return r }(), false},
	} {
		require.Equal(t, c.trusted, inside(c.request), why)
	}
	require.False(t, Networks()(from("10.1.2.3:4567")), "no network is nobody")
}

func TestHosts(t *testing.T) {
	for why, c := range map[string]struct {
		hosts   []string
		request *http.Request
		trusted bool
	}{
		"with its port":                   {[]string{"orders.internal:8080"}, to(t, "http://orders.internal:8080/x"), true},
		"another port":                    {[]string{"orders.internal:8080"}, to(t, "http://orders.internal:80/x"), false},
		"any port":                        {[]string{"orders.internal"}, to(t, "https://orders.internal:8443"), true},
		"letters of any size":             {[]string{"Orders.Internal"}, to(t, "http://orders.internal"), true},
		"a longer name":                   {[]string{"internal"}, to(t, "http://orders.internal"), false},
		"a user of that name":             {[]string{"orders.internal"}, to(t, "http://orders.internal@evil.example"), false},
		"an IPv6 address":                 {[]string{"[::1]:8080"}, to(t, "http://[::1]:8080"), true},
		"nobody":                          {nil, to(t, "http://orders.internal"), false},
		"an empty name":                   {[]string{"orders.internal"}, &http.Request{URL: &url.URL{}}, false},
		"no URL":                          {[]string{""}, &http.Request{}, false},
		"what a sender wrote to a server": {[]string{"orders.internal"}, httptest.NewRequest(http.MethodGet, "http://orders.internal/", nil), false},
	} {
		require.Equal(t, c.trusted, Hosts(c.hosts...)(c.request), why)
	}
}

func TestCertificates(t *testing.T) {
	spiffe, err := url.Parse("spiffe://example/orders")
	require.NoError(t, err)
	leaf := &x509.Certificate{DNSNames: []string{"orders.internal"}, URIs: []*url.URL{spiffe}}
	shown := func(state *tls.ConnectionState) *http.Request { r := from("10.0.0.1:1"); r.TLS = state; return r }
	verified := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf, {DNSNames: []string{"authority"}}}}}
	for why, c := range map[string]struct {
		names   []string
		request *http.Request
		trusted bool
	}{
		"its DNS name":             {[]string{"orders.internal"}, shown(verified), true},
		"its URI":                  {[]string{"else", "spiffe://example/orders"}, shown(verified), true},
		"another name":             {[]string{"orders"}, shown(verified), false},
		"the authority's name":     {[]string{"authority"}, shown(verified), false},
		"no name":                  {nil, shown(verified), false},
		"shown and not verified":   {[]string{"orders.internal"}, shown(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}), false},
		"no certificate":           {[]string{"orders.internal"}, shown(&tls.ConnectionState{}), false},
		"no TLS":                   {[]string{"orders.internal"}, from("10.0.0.1:1"), false},
		"one passed on by a proxy": {[]string{"orders.internal"}, outgoing(shown(verified)), false},
	} {
		require.Equal(t, c.trusted, Certificates(c.names...)(c.request), why)
	}
}

// TestPeers_AreNamedForTheStatistics: by what does not change with each connection, and
// only those that are trusted.
func TestPeers_AreNamedForTheStatistics(t *testing.T) {
	names := func(clock *hlc.Clock) (names []string) {
		for _, p := range clock.Stats().Peers {
			names = append(names, p.Peer)
		}
		return names
	}
	s := newSite(t, false, Options{}, func(http.ResponseWriter, *http.Request) {})
	client, clock := clientOf(t, s.Server, 400*time.Millisecond, Options{})
	for range 3 {
		response, err := client.Get(s.URL)
		require.NoError(t, err)
		body(t, response)
		client.CloseIdleConnections() // another port
	}
	s.get(t, "/", stamp(time.Hour))
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	require.Equal(t, []string{at.Host}, names(clock))
	require.Equal(t, []string{"127.0.0.1"}, names(s.clock))
	peer := s.clock.Stats().Peers[0]
	require.Equal(t, hlc.PeerStats{Peer: "127.0.0.1", Lead: time.Hour, MaxLead: time.Hour, Heard: 4, Refused: 1}, peer)

	strangers := newSite(t, false, Options{Trusted: Hosts()}, func(http.ResponseWriter, *http.Request) {})
	strangers.get(t, "/", stamp(0))
	require.Empty(t, names(strangers.clock))

	named := newSite(t, false, Options{Peer: func(r *http.Request) string { return r.URL.Path }}, func(http.ResponseWriter, *http.Request) {})
	named.get(t, "/orders", stamp(0))
	require.Equal(t, []string{"/orders"}, names(named.clock))
	require.Equal(t, "@", sender(from("@")))
	require.Equal(t, "fe80::1", sender(from("[fe80::1%eth0]:1")))
}
