package hlchttp

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/hlc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet swallows what net/http says of the panics of these tests.
var quiet = log.New(io.Discard, "", 0)

// noon is where the physical clocks of these tests stand, unless they are moved.
const noon = int64(1_790_000_000_000_000_000)

// newClock returns a clock over a physical one that stands still at noon + skew.
func newClock(t testing.TB, skew time.Duration) *hlc.Clock {
	t.Helper()
	clock, err := hlc.New(hlc.Options{Physical: func() int64 { return noon + int64(skew) }})
	require.NoError(t, err)
	return clock
}

// stamp is what a clock that is ahead of noon sends.
func stamp(ahead time.Duration) string {
	return hlc.Timestamp{WallTime: noon + int64(ahead)}.String()
}

// site is a server with the middleware, its clock, and what OnRefused was told.
type site struct {
	*httptest.Server
	clock *hlc.Clock

	mutex   sync.Mutex
	refused []error
}

func (s *site) onRefused(_ *http.Request, why error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.refused = append(s.refused, why)
}

// newSite serves handler over loopback, in HTTP/2 with TLS or in HTTP/1.1 without.
func newSite(t testing.TB, http2 bool, o Options, handler http.HandlerFunc) *site {
	t.Helper()
	s := &site{clock: newClock(t, 0)}
	s.serve(t, http2, s.stamped(t, Plain(s.clock), o)(handler))
	return s
}

// stamped is the middleware with what these tests leave out of the options.
func (s *site) stamped(t testing.TB, clock Clock, o Options) func(http.Handler) http.Handler {
	t.Helper()
	if o.Trusted == nil {
		o.Trusted = Everyone
	}
	if o.OnRefused == nil {
		o.OnRefused = s.onRefused
	}
	stamped, err := Server(clock, o)
	require.NoError(t, err)
	return stamped
}

// serve starts the server on handler, which is the whole chain.
func (s *site) serve(t testing.TB, http2 bool, handler http.Handler) {
	s.Server = httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = quiet
	if http2 {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
}

// get makes a request with these values of the header, by a client that keeps no time.
func (s *site) get(t testing.TB, path string, stamps ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	require.NoError(t, err)
	for _, stamp := range stamps {
		request.Header.Add(Header, stamp)
	}
	response, err := s.Client().Do(request)
	require.NoError(t, err)
	return response, body(t, response)
}

func body(t testing.TB, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return string(text)
}

// only is the one stamp of a reply.
func only(t testing.TB, header http.Header) hlc.Timestamp {
	t.Helper()
	require.Len(t, header.Values(Header), 1)
	ts, err := hlc.Parse(header.Get(Header))
	require.NoError(t, err)
	return ts
}

// bothVersions runs a story over HTTP/1.1 and HTTP/2.
func bothVersions(t *testing.T, story func(t *testing.T, http2 bool)) {
	t.Run("HTTP/1.1", func(t *testing.T) { story(t, false) })
	t.Run("HTTP/2", func(t *testing.T) { story(t, true) })
}
