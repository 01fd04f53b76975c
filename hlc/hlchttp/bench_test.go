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

// The figures are ratios against the same requests without the middleware, in the same run:
//
//	go test -run '^$' -bench . -benchtime 20000x ./hlc/hlchttp

// BenchmarkLoopback is a request over a loopback connection that is kept open, all four
// events included.
func BenchmarkLoopback(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	bareServer := httptest.NewServer(handler)
	defer bareServer.Close()
	stamped, transport := bothSides(b, bareServer.Client().Transport)
	server := httptest.NewServer(stamped(handler))
	defer server.Close()
	request := func(client *http.Client, url string) {
		response, err := client.Get(url)
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	bare, ours := bareServer.Client(), &http.Client{Transport: transport}
	ratio(b, "×bare", func() { request(bare, bareServer.URL) }, func() { request(ours, server.URL) })
}

// BenchmarkServer is the server's half without a network.
func BenchmarkServer(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	middleware, _ := bothSides(b, nil)
	stamped := middleware(handler)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(Header, stamp(0))
	ratio(b, "×bare", func() { handler.ServeHTTP(httptest.NewRecorder(), r) }, func() { stamped.ServeHTTP(httptest.NewRecorder(), r) })
}

func bothSides(b *testing.B, base http.RoundTripper) (func(http.Handler) http.Handler, http.RoundTripper) {
	clock := func() Clock {
		c, err := hlc.New(hlc.Options{})
		require.NoError(b, err)
		return Plain(c)
	}
	stamped, err := Server(clock(), Options{Trusted: Everyone, AllowRefused: true})
	require.NoError(b, err)
	transport, err := Transport(clock(), base, Options{Trusted: Everyone})
	require.NoError(b, err)
	return stamped, transport
}

// ratio reports the cost of ours against that of floor. They take turns, so that whatever
// else the machine does falls on both.
func ratio(b *testing.B, unit string, floor, ours func()) {
	b.Helper()
	floor() // dial
	ours()
	var cost [2]time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		began := time.Now()
		floor()
		cost[0] += time.Since(began)
		b.StartTimer()
		began = time.Now()
		ours()
		cost[1] += time.Since(began)
	}
	b.StopTimer()
	b.ReportMetric(float64(cost[1])/float64(cost[0]), unit)
	b.ReportMetric(float64(cost[1]-cost[0])/float64(b.N), "ns-more")
}
