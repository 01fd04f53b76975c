package hlchttp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestServer_EveryReplyIsStamped, however it comes about, above what the handler did before.
func TestServer_EveryReplyIsStamped(t *testing.T) {
	recovering := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					http.Error(w, "sorry", http.StatusInternalServerError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, bytes.Repeat([]byte("x"), 100_000), 0o600))
	cases := []struct {
		why     string
		status  int
		length  int
		handler http.HandlerFunc
	}{
		{"a handler that says nothing", 200, 0, func(http.ResponseWriter, *http.Request) {}},
		{"one that writes", 200, 2, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }},
		{"one that writes a string", 200, 2, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }},
		{"one that chooses a status", 418, 0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }},
		{"no content", 204, 0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		{"an error", 404, 19, http.NotFound},
		{"a redirect", 302, -1, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		{"a panic that an outer handler turns into an error", 500, 6, func(http.ResponseWriter, *http.Request) { panic("handler") }},
		{"a file", 200, 100_000, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }},
		{"a copy", 200, 100_000, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 100_000)))
		}},
		{"an empty copy", 200, 0, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("")) }},
		{"a header written twice", 200, 0, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.WriteHeader(500) }},
		{"hints before the reply", 200, 2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "ok")
		}},
	}
	bothVersions(t, func(t *testing.T, http2 bool) {
		for _, c := range cases {
			s := &site{clock: newClock(t, 0)}
			stamped, err := Server(Plain(s.clock), Options{Trusted: Everyone})
			require.NoError(t, err)
			var during hlc.Timestamp
			s.serve(t, http2, recovering(stamped(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				during = s.clock.Now()
				w.Header().Set("Hlc-Timestamp", "forged by the handler")
				c.handler(w, r)
			}))))
			client := *s.Client()
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			hints := 0
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
				hints++
				if stamp := http.Header(h).Get(Header); stamp != "" && stamp != "forged by the handler" {
					t.Errorf("an informational reply is no event, but has %q", stamp)
				}
				return nil
			}})
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
			require.NoError(t, err)
			response, err := client.Do(request)
			require.NoError(t, err, c.why)
			text := body(t, response)
			require.Equal(t, c.status, response.StatusCode, c.why)
			if c.length >= 0 {
				require.Len(t, text, c.length, c.why)
			}
			require.True(t, only(t, response.Header).After(during), c.why)
			require.Equal(t, strings.HasPrefix(c.why, "hints"), hints > 0, c.why)
		}
	})
}

// TestServer_StreamsAsBefore: what is flushed arrives at once, with the stamp.
func TestServer_StreamsAsBefore(t *testing.T) {
	for name, flush := range map[string]func(http.ResponseWriter) error{
		"Flusher":            func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			bothVersions(t, func(t *testing.T, http2 bool) {
				read := make(chan struct{})
				s := newSite(t, http2, Options{}, func(w http.ResponseWriter, _ *http.Request) {
					if err := flush(w); err != nil {
						t.Error(err)
					}
					<-read
					_, _ = io.WriteString(w, "second part")
				})
				response, err := s.Client().Get(s.URL)
				require.NoError(t, err, "the header is here while the handler waits")
				only(t, response.Header)
				close(read)
				require.Equal(t, "second part", body(t, response))
			})
		})
	}
}

// TestServer_AHijackedConnectionIsTheHandlers, who finds the stamp in Header.
func TestServer_AHijackedConnectionIsTheHandlers(t *testing.T) {
	s := newSite(t, false, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = buffer.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n" + Header + ": " + w.Header().Get(Header) + "\r\n\r\nhello")
		_ = buffer.Flush()
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "chat")
	response, err := s.Client().Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	only(t, response.Header)
	word, err := bufio.NewReader(response.Body).ReadString('o')
	require.NoError(t, err)
	require.Equal(t, "hello", word)
}

// TestServer_HandsOnWhatTheWriterCan, and nothing else: handlers ask for it to decide.
func TestServer_HandsOnWhatTheWriterCan(t *testing.T) {
	type abilities struct{ flush, hijack, push, deadline bool }
	ask := func(w http.ResponseWriter) (a abilities) {
		_, a.flush = w.(http.Flusher)
		_, a.hijack = w.(http.Hijacker)
		_, a.push = w.(http.Pusher)
		a.deadline = http.NewResponseController(w).SetWriteDeadline(time.Time{}) == nil
		return a
	}
	bothVersions(t, func(t *testing.T, http2 bool) {
		var bare, wrapped abilities
		s := newSite(t, http2, Options{}, func(w http.ResponseWriter, _ *http.Request) { wrapped = ask(w) })
		inner := s.Config.Handler
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bare = ask(w); inner.ServeHTTP(w, r) })
		s.get(t, "/")
		require.Equal(t, bare, wrapped)
		require.Equal(t, abilities{flush: true, hijack: !http2, push: http2, deadline: true}, wrapped)
	})
	type bareWriter struct{ http.ResponseWriter }
	type flushing struct {
		http.ResponseWriter
		http.Flusher
	}
	type hijacking struct {
		http.ResponseWriter
		http.Hijacker
	}
	s, err := newSide(Plain(newClock(t, 0)), Options{Trusted: Everyone})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	for _, under := range []http.ResponseWriter{bareWriter{recorder}, flushing{recorder, recorder}, hijacking{recorder, nil}} {
		w := (&writer{ResponseWriter: under, side: s, request: httptest.NewRequest(http.MethodGet, "/", nil)}).withAbilities()
		require.Equal(t, ask(under), ask(w))
	}
	w := &writer{ResponseWriter: bareWriter{recorder}, side: s, request: httptest.NewRequest(http.MethodGet, "/", nil)}
	require.ErrorIs(t, w.FlushError(), http.ErrNotSupported)
	require.False(t, w.stamped, "nothing was written")
}

// failing is a clock whose disk breaks when it is told to.
type failing struct {
	Clock
	now, update error
	after       int // events that still work
}

func (f *failing) Now(ctx context.Context) (hlc.Timestamp, error) {
	if f.after--; f.after < 0 && f.now != nil {
		return hlc.Timestamp{}, f.now
	}
	return f.Clock.Now(ctx)
}

func (f *failing) UpdateFrom(ctx context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error) {
	if f.update != nil {
		return hlc.Timestamp{}, f.update
	}
	return f.Clock.UpdateFrom(ctx, peer, remote)
}

// TestClockFails: no event without a stamp, and none with a wrong one.
func TestClockFails(t *testing.T) {
	broken := errors.New("the disk is broken")
	serve := func(t *testing.T, clock Clock, handler http.HandlerFunc, o Options) *site {
		o.Trusted = Everyone
		stamped, err := Server(clock, o)
		require.NoError(t, err)
		s := &site{clock: newClock(t, 0)}
		s.serve(t, false, stamped(handler))
		return s
	}
	for _, allow := range []bool{false, true} {
		var told error
		s := serve(t, &failing{Clock: Plain(newClock(t, 0)), update: broken, now: broken}, func(http.ResponseWriter, *http.Request) { t.Error("served") },
			Options{AllowRefused: allow, OnRefused: func(_ *http.Request, why error) { told = why }})
		for _, stamps := range [][]string{{stamp(0)}, nil} {
			response, text := s.get(t, "/", stamps...)
			require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
			require.NotContains(t, text, "disk", "which is nobody else's business")
			require.Equal(t, Unavailable, response.Header.Get(Header))
			require.ErrorIs(t, told, broken)
		}
	}

	half := serve(t, &failing{Clock: Plain(newClock(t, 0)), update: broken}, func(http.ResponseWriter, *http.Request) { t.Error("served") }, Options{AllowRefused: true})
	response, _ := half.get(t, "/", stamp(0))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, "that is no refusal, which may be allowed")

	served := 0
	s := serve(t, &failing{Clock: Plain(newClock(t, 0)), now: broken}, func(http.ResponseWriter, *http.Request) { served++ }, Options{})
	client, _ := clientOf(t, s.Server, 0, Options{})
	_, err := client.Get(s.URL) //nolint:bodyclose
	require.ErrorAs(t, err, new(*MalformedError), "served, but nobody knows where it stands in the order")
	require.Equal(t, 1, served)

	s = serve(t, Plain(newClock(t, 0)), func(http.ResponseWriter, *http.Request) { served++ }, Options{})
	for after, want := range []string{"not stamped", "not ordered"} {
		closed := false
		transport, err := Transport(&failing{Clock: Plain(newClock(t, 0)), now: broken, update: broken, after: after}, nil, Options{Trusted: Everyone, AllowRefused: true})
		require.NoError(t, err)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, closing{strings.NewReader("x"), &closed})
		require.NoError(t, err)
		_, err = transport.RoundTrip(request) //nolint:bodyclose
		require.ErrorIs(t, err, broken)
		require.ErrorContains(t, err, want)
		require.Eventually(t, func() bool { return closed }, 5*time.Second, time.Millisecond)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()

	ended, err := hlc.New(hlc.Options{Physical: func() int64 { return 1<<63 - 1 }, Layout: oneTick(t)})
	require.NoError(t, err)
	ended.Now()
	_, err = Plain(ended).Now(t.Context())
	require.ErrorIs(t, err, hlc.ErrExhausted)
}

// oneTick is a layout that holds two timestamps, one of which is the zero one.
func oneTick(t *testing.T) hlc.Layout {
	l, err := hlc.NewLayout(hlc.LayoutOptions{Name: "one", Ticks: 1, Nanos: 1 << 62, LogicalBits: 0})
	require.NoError(t, err)
	return l
}

// TestServer_OverADurableClock, which needs no adapter.
func TestServer_OverADurableClock(t *testing.T) {
	clock, err := hlc.New(hlc.Options{})
	require.NoError(t, err)
	durable, err := hlc.OpenDurable(t.Context(), clock, hlc.DurableOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	stamped, err := Server(durable, Options{Trusted: Everyone})
	require.NoError(t, err)
	s := &site{clock: newClock(t, 0)}
	s.serve(t, false, stamped(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	response, _ := s.get(t, "/", clock.Now().String())
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.False(t, only(t, response.Header).After(durable.Stats().Bound))
	peers := clock.Stats().Peers
	require.Len(t, peers, 1)
	require.Equal(t, "127.0.0.1", peers[0].Peer, "the host of the connection, whatever its port")
	require.NoError(t, durable.Close())
	response, _ = s.get(t, "/", clock.Now().String())
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
}
