package serve

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type object struct {
	N int64 `json:"n"`
}

// site is a server on a free port of loopback, and what it was told to say.
type site struct {
	url     string
	failure atomic.Pointer[error]
	made    atomic.Int64 // events
	stop    context.CancelFunc
	ended   chan error
}

func serving(t *testing.T, change func(*Config)) *site {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return servingOn(t, l, change)
}

func servingOn(t *testing.T, l net.Listener, change func(*Config)) *site {
	t.Helper()
	s := &site{ended: make(chan error, 1)}
	c := Config{
		Interval: func() (any, error) {
			if err := s.failure.Load(); err != nil {
				return object{-1}, *err
			}
			return object{1}, nil
		},
		Sources: func() any { return object{2} },
		Live:    func() any { return object{s.made.Add(1)} },
		History: func() any { return object{3} },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Every:   10 * time.Millisecond,
	}
	if change != nil {
		change(&c)
	}
	s.url = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	go func() { s.ended <- New(c).Serve(ctx, l); close(s.ended) }()
	t.Cleanup(func() { cancel(); <-s.ended; http.DefaultClient.CloseIdleConnections() })
	return s
}

// ask returns the status, the headers and the body.
func (s *site) ask(t *testing.T, method, path string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(body)
}

// stream listens to events; lines are read one by one.
func (s *site) stream(t *testing.T) (*http.Response, *bufio.Scanner) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/events", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response, bufio.NewScanner(response.Body)
}

func next(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest
		}
	}
	require.Fail(t, "the stream ended", "before a line %q: %v", prefix, lines.Err())
	return ""
}

func TestServe_WhatEachPathSays(t *testing.T) {
	s := serving(t, nil)
	for path, want := range map[string]string{
		"/api/v1/interval": "{\"n\":1}\n", "/api/v1/sources": "{\"n\":2}\n", "/api/v1/history": "{\"n\":3}\n", "/metrics": "up 1\n", "/healthz": "alive\n", "/readyz": "ready\n",
	} {
		code, header, body := s.ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, code, path)
		require.Equal(t, want, body, path)
		require.Equal(t, "no-store", header.Get("Cache-Control"), "an old interval is about an old reading")
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"), "no other site may embed it")
		require.Empty(t, header.Get("Access-Control-Allow-Origin"), "no other site may read it")
	}
	code, _, _ := s.ask(t, http.MethodGet, "/api/v2/interval")
	require.Equal(t, http.StatusNotFound, code)
}

// TestServe_WithoutAnInterval is not ready, and alive.
func TestServe_WithoutAnInterval(t *testing.T) {
	s := serving(t, nil)
	failure := errors.New("no quorum")
	s.failure.Store(&failure)
	code, _, body := s.ask(t, http.MethodGet, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "no interval: no quorum\n", body)
	code, header, body := s.ask(t, http.MethodGet, "/api/v1/interval")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Equal(t, "{\"n\":-1}\n", body, "the object says why")
	require.Equal(t, "application/json", header.Get("Content-Type"))
	code, _, _ = s.ask(t, http.MethodGet, "/healthz")
	require.Equal(t, http.StatusOK, code)
}

func TestServe_GETOnly(t *testing.T) {
	s := serving(t, nil)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodHead, "BREW"} {
		for _, path := range []string{"/", "/metrics", "/api/v1/interval", "/api/v1/events", "/nowhere"} {
			code, header, _ := s.ask(t, method, path)
			require.Equal(t, http.StatusMethodNotAllowed, code, "%s %s", method, path)
			require.Equal(t, "GET", header.Get("Allow"))
		}
	}
}

// TestEvents_TheStateAtOnceAndThenTheNews, all listeners the same.
func TestEvents_TheStateAtOnceAndThenTheNews(t *testing.T) {
	s := serving(t, nil)
	response, lines := s.stream(t)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(t, "1000", next(t, lines, "retry: "))
	require.Equal(t, `{"n":1}`, next(t, lines, "data: "))
	require.Equal(t, `{"n":2}`, next(t, lines, "data: "))
	_, others := s.stream(t)
	next(t, others, "data: ") // its own first one
	seen := map[string]bool{}
	for range 200 {
		seen[next(t, lines, "data: ")] = true
		if seen[next(t, others, "data: ")] {
			return
		}
	}
	require.Fail(t, "the two saw nothing in common")
}

// TestEvents_NobodyListens: then none is made.
func TestEvents_NobodyListens(t *testing.T) {
	h := newHub(1)
	require.True(t, h.empty())
	events := h.join()
	require.False(t, h.empty())
	h.send([]byte("a"))
	h.send([]byte("b"))
	require.Equal(t, "b", string(<-events), "who is slow gets the newest")
	h.leave(events)
	require.True(t, h.empty())
	h.close()
	require.Nil(t, h.join(), "nobody joins after the end")
}

func TestEvents_TooManyListeners(t *testing.T) {
	s := serving(t, func(c *Config) { c.Listeners = 2 })
	first, lines := s.stream(t)
	next(t, lines, "data: ")
	_, more := s.stream(t)
	next(t, more, "data: ")
	refused, words := s.stream(t)
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.Equal(t, "5", refused.Header.Get("Retry-After"))
	next(t, words, "too many listeners")
	require.NoError(t, first.Body.Close())
	require.Eventually(t, func() bool { // a place is free again
		response, _ := s.stream(t)
		return response.StatusCode == http.StatusOK
	}, 10*time.Second, time.Millisecond)
}

func TestEvents_Heartbeat(t *testing.T) {
	s := serving(t, func(c *Config) { c.Every, c.Heartbeat = time.Hour, 5*time.Millisecond })
	_, lines := s.stream(t)
	next(t, lines, "data: ")
	require.Equal(t, "alive", next(t, lines, ": "))
	require.Equal(t, "alive", next(t, lines, ": "))
}

// TestServe_EndsGracefully: streams end as complete answers, and Serve returns nil.
func TestServe_EndsGracefully(t *testing.T) {
	s := serving(t, nil)
	_, lines := s.stream(t)
	next(t, lines, "data: ")
	s.stop()
	require.NoError(t, <-s.ended)
	for lines.Scan() {
	}
	require.NoError(t, lines.Err(), "the stream was ended, not torn")
	_, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.Error(t, err, "nobody listens any more")
}

// TestServe_TheListenerFails is an error, and ends everything.
func TestServe_TheListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, New(Config{Metrics: http.NotFoundHandler()}).Serve(t.Context(), l), net.ErrClosed)
}

// TestServe_HugeHeadersAreRefused, not kept.
func TestServe_HugeHeadersAreRefused(t *testing.T) {
	s := serving(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/healthz", nil)
	require.NoError(t, err)
	request.Header.Set("X-Huge", strings.Repeat("x", 64<<10))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
}

// TestPage_ComesFromHereAlone: three files, with their types and the policy that lets nothing else in.
func TestPage_ComesFromHereAlone(t *testing.T) {
	s := serving(t, nil)
	for path, kind := range map[string]string{"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript"} {
		code, header, body := s.ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, code, path)
		require.True(t, strings.HasPrefix(header.Get("Content-Type"), kind), "%s: %s", path, header.Get("Content-Type"))
		require.Equal(t, policy, header.Get("Content-Security-Policy"))
		require.NotEmpty(t, body)
	}
	for _, path := range []string{"/page/", "/page/index.html", "/../page.go"} {
		code, _, _ := s.ask(t, http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, code, path)
	}
}
