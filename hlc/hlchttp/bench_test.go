package hlchttp

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// BenchmarkRoundTrip is a request over loopback with the middleware on both sides, against one without, in the same
// run:
//
//	go test -run '^$' -bench . ./hlc/hlchttp
func BenchmarkRoundTrip(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	clock := func() Clock {
		c, err := hlc.New(hlc.Options{})
		require.NoError(b, err)
		return Plain(c)
	}
	stamped, err := Server(clock(), Options{Trusted: Everyone})
	require.NoError(b, err)
	bare, wrapped := httptest.NewServer(handler), httptest.NewServer(stamped(handler))
	defer bare.Close()
	defer wrapped.Close()
	transport, err := Transport(clock(), http.DefaultTransport, Options{Trusted: Everyone})
	require.NoError(b, err)
	plainly, stamping := &http.Client{}, &http.Client{Transport: transport}
	defer plainly.CloseIdleConnections()

	get := func(client *http.Client, url string) time.Duration {
		began := time.Now()
		response, err := client.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return time.Since(began)
	}
	var without, with time.Duration
	for b.Loop() {
		without += get(plainly, bare.URL)
		with += get(stamping, wrapped.URL)
	}
	b.ReportMetric(float64(with)/float64(without), "×bare")
	b.ReportMetric(float64(with-without)/float64(b.N), "ns-more")
}
