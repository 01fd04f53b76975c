package fencinghttp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/fencing/fencinghttp"
)

// TestMain fails the package if any test leaves a goroutine behind (I10).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// storage is a file behind a register, on loopback. The last segment of the path is the resource.
type storage struct {
	*httptest.Server
	register *fencing.Register
	writes   chan string
}

func newStorage(t testing.TB, o fencing.Options) *storage {
	t.Helper()
	o.Dir = t.TempDir()
	register, err := fencing.Open(o)
	require.NoError(t, err)
	s := &storage{register: register, writes: make(chan string, 10)}
	fenced, err := fencinghttp.Server(register, fencinghttp.Options{
		Resource: func(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/") }, MaxBody: 100,
	})
	require.NoError(t, err)
	s.Server = httptest.NewServer(fenced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := fencing.FromContext(r.Context())
		body, _ := io.ReadAll(r.Body)
		s.writes <- fmt.Sprintf("%v %s", token, body)
		_, _ = io.WriteString(w, "written")
	})))
	t.Cleanup(func() { s.Close(); _ = register.Close() })
	return s
}

func (s *storage) put(t testing.TB, token fencing.Token, path, body string) *http.Response {
	t.Helper()
	ctx := t.Context()
	if token != 0 {
		ctx = fencing.NewContext(ctx, token)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	response, err := (&http.Client{Transport: fencinghttp.Transport(s.Client().Transport)}).Do(request)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	require.Empty(t, request.Header, "the caller's request stays as it is")
	return response
}

func TestServer_33After34(t *testing.T) {
	s := newStorage(t, fencing.Options{})
	require.NoError(t, fencinghttp.Refused(s.put(t, 34, "/file", "by 2")))
	response := s.put(t, 33, "/file", "by 1")
	require.Equal(t, http.StatusPreconditionFailed, response.StatusCode)
	var stale *fencing.StaleError
	require.ErrorAs(t, fencinghttp.Refused(response), &stale)
	require.Equal(t, fencing.StaleError{Resource: "/file", Token: 33, Highest: 34}, *stale)
	require.Equal(t, http.StatusOK, s.put(t, 34, "/file", "by 2 again").StatusCode)
	require.Equal(t, "34 by 2", <-s.writes)
	require.Equal(t, "34 by 2 again", <-s.writes)
	require.Empty(t, s.writes)
}

func TestServer_RefusesWhatIsNone(t *testing.T) {
	s := newStorage(t, fencing.Options{MaxStep: 1000, MaxResources: 1})
	response := s.put(t, 0, "/file", "")
	require.Equal(t, http.StatusPreconditionRequired, response.StatusCode)
	require.ErrorIs(t, fencinghttp.Refused(response), fencing.ErrNoToken)
	for what, c := range map[string]struct {
		path   string
		tokens []string
		body   string
		want   int
	}{
		"no number":              {"/file", []string{"x"}, "", http.StatusBadRequest},
		"two tokens":             {"/file", []string{"1", "2"}, "", http.StatusBadRequest},
		"zero":                   {"/file", []string{"0"}, "", http.StatusBadRequest},
		"no resource":            {"/", []string{"1"}, "", http.StatusBadRequest},
		"too far":                {"/file", []string{"9999"}, "", http.StatusBadRequest},
		"a body without an end":  {"/file", []string{"1"}, strings.Repeat("x", 101), http.StatusRequestEntityTooLarge},
		"the first is right":     {"/file", []string{"1"}, "", http.StatusOK},
		"another, without room":  {"/another", []string{"1"}, "", http.StatusServiceUnavailable},
		"and one that is hidden": {"/file", []string{"1 , 2"}, "", http.StatusBadRequest},
	} {
		if what == "another, without room" {
			require.NoError(t, s.register.Check(t.Context(), "file", 1))
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, s.URL+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		request.Header[fencinghttp.Header] = c.tokens
		response, err := s.Client().Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, c.want, response.StatusCode, what)
		require.NoError(t, fencinghttp.Refused(response), what)
	}
	require.NoError(t, s.register.Close())
	require.Equal(t, http.StatusServiceUnavailable, s.put(t, 1, "/file", "").StatusCode)
	_, err := fencinghttp.Server(nil, fencinghttp.Options{})
	require.Error(t, err)
}

// TestServer_AClientThatStopsInTheMiddle of its body does not lock the next one out: it has not begun to write.
func TestServer_AClientThatStopsInTheMiddle(t *testing.T) {
	s := newStorage(t, fencing.Options{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "PUT /file HTTP/1.1\r\nHost: x\r\nFencing-Token: 33\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
	require.NoError(t, err)
	answer := bufio.NewReader(conn)
	line := func() string {
		text, err := answer.ReadString('\n')
		require.NoError(t, err)
		return strings.TrimSpace(text)
	}
	require.Equal(t, "HTTP/1.1 100 Continue", line(), "it has begun to read")
	require.Empty(t, line())
	_, err = io.WriteString(conn, "half ")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, s.register.Check(ctx, "file", 34))
	_, err = io.WriteString(conn, "more!")
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 412 Precondition Failed", line())
}

// TestTransport_PassesOn what has no token, errors, and the closing of connections.
func TestTransport_PassesOn(t *testing.T) {
	failed := errors.New("no network")
	base := &fake{err: failed}
	transport := fencinghttp.Transport(base)
	request := httptest.NewRequest(http.MethodPut, "/file", bytes.NewReader(nil))
	_, err := transport.RoundTrip(request)
	require.ErrorIs(t, err, failed)
	require.Same(t, request, base.got)
	request = request.WithContext(fencing.NewContext(t.Context(), 7))
	request.Header = nil
	_, err = transport.RoundTrip(request)
	require.ErrorIs(t, err, failed)
	require.Equal(t, "7", base.got.Header.Get(fencinghttp.Header))
	transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	require.True(t, base.closed)
}

type fake struct {
	got    *http.Request
	err    error
	closed bool
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) { f.got = r; return nil, f.err }
func (f *fake) CloseIdleConnections()                             { f.closed = true }
