package hlchttp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// identity is a certificate that vouches for itself.
func identity(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestCertificates_OverTLS: whom the handshake has verified, and nobody else.
func TestCertificates_OverTLS(t *testing.T) {
	orders, stranger := identity(t, "orders.internal"), identity(t, "orders.internal")
	for _, c := range []struct {
		why     string
		auth    tls.ClientAuthType
		shown   []tls.Certificate
		refused []error
	}{
		{"verified", tls.RequireAndVerifyClientCert, []tls.Certificate{orders}, nil},
		{"verified if there is one", tls.VerifyClientCertIfGiven, []tls.Certificate{orders}, nil},
		{"there is none", tls.VerifyClientCertIfGiven, nil, []error{ErrUntrusted}},
		{"asked for and not verified", tls.RequestClientCert, []tls.Certificate{orders}, []error{ErrUntrusted}},
		{"a stranger who calls himself so", tls.RequireAnyClientCert, []tls.Certificate{stranger}, []error{ErrUntrusted}},
	} {
		s := &site{clock: newClock(t, 0)}
		s.Server = httptest.NewUnstartedServer(s.stamped(t, Plain(s.clock), Options{Trusted: Certificates("orders.internal")})(http.NotFoundHandler()))
		known := x509.NewCertPool()
		known.AddCert(orders.Leaf)
		s.TLS = &tls.Config{ClientAuth: c.auth, ClientCAs: known, MinVersion: tls.VersionTLS13}
		s.Config.ErrorLog = quiet
		s.StartTLS()
		t.Cleanup(s.Close)
		s.Client().Transport.(*http.Transport).TLSClientConfig.Certificates = c.shown
		s.get(t, "/", stamp(0))
		require.Equal(t, c.refused, s.refused, c.why)
	}
}
