package hlchttp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// reply is one way for a handler to reply. It calls last just before the header leaves,
// and never after.
type reply struct {
	why    string
	status int
	text   string
	write  func(w http.ResponseWriter, r *http.Request, last func())
}

// before lets act be the last thing that happens.
func before(act func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request, func()) {
	return func(w http.ResponseWriter, _ *http.Request, last func()) { last(); act(w) }
}

// tardy is a source whose first bytes come after an event.
type tardy struct {
	event func()
	io.Reader
}

func (t *tardy) Read(b []byte) (int, error) {
	if t.event != nil {
		t.event()
		t.event = nil
	}
	return t.Reader.Read(b)
}

var replies = []reply{
	{"bytes", 200, "hello", before(func(w http.ResponseWriter) { _, _ = w.Write([]byte("hello")) })},
	{"a string", 200, "hello", before(func(w http.ResponseWriter) { _, _ = io.WriteString(w, "hello") })},
	{"a code and no body", 204, "", before(func(w http.ResponseWriter) { w.WriteHeader(204) })},
	{"an error", 404, "gone\n", before(func(w http.ResponseWriter) { http.Error(w, "gone", 404) })},
	{"an error of the server", 500, "broken\n", before(func(w http.ResponseWriter) { http.Error(w, "broken", 500) })},
	{"not a word", 200, "", before(func(http.ResponseWriter) {})},
	{"a panic, which an outer handler makes a 500", 500, "sorry\n", before(func(http.ResponseWriter) { panic("no") })},
	{"a redirect", 302, "", func(w http.ResponseWriter, r *http.Request, last func()) {
		last()
		r.Method = http.MethodHead // no body
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}},
	{"a flush before the body", 200, "hello", before(func(w http.ResponseWriter) {
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "hello")
	})},
	{"a flush by the controller", 200, "hello", before(func(w http.ResponseWriter) {
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "hello")
	})},
	{"a file", 200, "hello", before(func(w http.ResponseWriter) {
		http.ServeContent(w, httptest.NewRequest(http.MethodGet, "/", nil), "a.txt", time.Time{}, strings.NewReader("hello"))
	})},
	{"a source that is late", 200, "hello", func(w http.ResponseWriter, _ *http.Request, last func()) {
		_, _ = io.Copy(w, &tardy{last, strings.NewReader("hello")})
	}},
	{"an early hint, then a reply", 200, "hello", func(w http.ResponseWriter, _ *http.Request, last func()) {
		w.WriteHeader(http.StatusEarlyHints)
		last()
		_, _ = io.WriteString(w, "hello")
	}},
	{"a stamp of the handler's own making, in two spellings", 200, "", before(func(w http.ResponseWriter) {
		w.Header().Set(Header, stamp(time.Hour))
		w.Header()[Header] = []string{stamp(time.Hour)}
	})},
	{"a second code, which does not count", 201, "", before(func(w http.ResponseWriter) {
		w.WriteHeader(201)
		w.WriteHeader(500)
	})},
}

// recovering makes a 500 of a panic, as outer middleware does.
func recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				http.Error(w, "sorry", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// TestReply_IsStampedWhenTheHeaderIsWritten: whatever a handler replies and however, the
// stamp is above all that happened before, and there is one.
func TestReply_IsStampedWhenTheHeaderIsWritten(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		for _, c := range replies {
			var during hlc.Timestamp
			s := &site{clock: newClock(t, 0)}
			s.serve(t, http2, recovering(s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				c.write(w, r, func() { during = s.clock.Now() })
			}))))
			s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			response, text := s.get(t, "/", stamp(0))
			require.Equal(t, c.status, response.StatusCode, c.why)
			require.Equal(t, c.text, text, c.why)
			require.False(t, during.IsZero(), c.why)
			require.True(t, only(t, response.Header).After(during), "%s: %v is not above %v", c.why, response.Header, during)
			require.Empty(t, s.refused, c.why)
		}
	})
}

func TestReply_InformationalOnesAreNotStamped(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		s := newSite(t, http2, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
		})
		var codes []int
		var header textproto.MIMEHeader
		trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			codes, header = append(codes, code), h
			return nil
		}})
		client, _ := clientOf(t, s.Server, 0, Options{})
		request, err := http.NewRequestWithContext(trace, http.MethodGet, s.URL, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		body(t, response)
		require.Equal(t, http.StatusTeapot, response.StatusCode)
		require.Equal(t, []int{http.StatusEarlyHints}, codes)
		require.NotEmpty(t, header.Get("Link"))
		require.Empty(t, header.Values(Header))
		receipt, _ := FromReply(response)
		require.NoError(t, receipt.Refused)
		require.True(t, receipt.At.After(receipt.Sent))
	})
}

// TestReply_AStreamIsNotHeldBack: the client has the stamp and the first words while the
// handler still works. What comes later is above the stamp, as the HAZARD says.
func TestReply_AStreamIsNotHeldBack(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		more := make(chan struct{})
		var later hlc.Timestamp
		var s *site
		s = newSite(t, http2, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "one\n")
			w.(http.Flusher).Flush()
			<-more
			later = s.clock.Now()
			_, _ = io.WriteString(w, later.String()+"\n")
		})
		response, err := s.Client().Get(s.URL)
		require.NoError(t, err)
		lines := bufio.NewReader(response.Body)
		first, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "one\n", first)
		reply := only(t, response.Header)
		close(more)
		second, err := lines.ReadString('\n')
		require.NoError(t, err)
		inStream, err := hlc.Parse(strings.TrimSpace(second))
		require.NoError(t, err)
		require.True(t, inStream.After(reply))
		require.NoError(t, response.Body.Close())
	})
}

// upgrade takes the connection, writes the stamp into its reply, and echoes a line.
func upgrade(t *testing.T, last func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		last()
		conn, buffer, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		_, _ = buffer.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
		_ = w.Header().Write(buffer)
		_, _ = buffer.WriteString("\r\n")
		_ = buffer.Flush()
		line, _ := buffer.ReadString('\n')
		_, _ = buffer.WriteString("you said " + line)
		_ = buffer.Flush()
	}
}

// requireEcho upgrades a connection and talks over it.
func requireEcho(t *testing.T, client *http.Client, url string) Receipt {
	t.Helper()
	request := to(t, url)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	response, err := client.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	_, err = io.WriteString(response.Body.(io.Writer), "hello\n")
	require.NoError(t, err)
	require.Equal(t, "you said hello\n", body(t, response))
	receipt, _ := FromReply(response)
	require.NoError(t, receipt.Refused)
	return receipt
}

// TestReply_AnUpgradedConnection: the client's transport receives the stamp that the handler
// finds and writes, and hands the connection on.
func TestReply_AnUpgradedConnection(t *testing.T) {
	var s *site
	var during hlc.Timestamp
	s = newSite(t, false, Options{}, upgrade(t, func() { during = s.clock.Now() }))
	client, _ := clientOf(t, s.Server, 0, Options{})
	require.True(t, requireEcho(t, client, s.URL).Sent.After(during))
}

func TestReply_ControllerReachesTheConnection(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		var deadline error
		s := newSite(t, http2, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			deadline = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
			if _, ok := w.(http.Hijacker); ok == http2 {
				t.Error("HTTP/1 is a Hijacker, HTTP/2 is not")
			}
		})
		s.get(t, "/")
		require.NoError(t, deadline)
	})
}

// Response writers with each set of abilities.
type (
	bare      struct{ http.ResponseWriter }
	flushes   struct{ bare }
	hijacks   struct{ bare }
	flushJack struct {
		flushes
		hijacks
	}
)

func (flushes) Flush() {}

var errNoHijack = errors.New("not this one")

func (hijacks) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errNoHijack }
func (f flushJack) Header() http.Header                      { return f.flushes.Header() }
func (f flushJack) Write(b []byte) (int, error)              { return f.flushes.Write(b) }
func (f flushJack) WriteHeader(code int)                     { f.flushes.WriteHeader(code) }

func TestWriter_HasTheAbilitiesOfTheOneBelow(t *testing.T) {
	below := bare{httptest.NewRecorder()}
	for _, c := range []struct {
		writer         http.ResponseWriter
		flush, hijacks bool
	}{
		{below, false, false}, {flushes{below}, true, false}, {hijacks{below}, false, true}, {flushJack{flushes{below}, hijacks{below}}, true, true},
	} {
		s := &site{clock: newClock(t, 0)}
		var during hlc.Timestamp
		s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, flush := w.(http.Flusher)
			hijacker, hijacks := w.(http.Hijacker)
			require.Equal(t, c.flush, flush)
			require.Equal(t, c.hijacks, hijacks)
			if hijacks {
				_, _, err := hijacker.Hijack()
				require.ErrorIs(t, err, errNoHijack)
			}
			during = s.clock.Now()
		})).ServeHTTP(c.writer, httptest.NewRequest(http.MethodGet, "/", nil))
		require.True(t, only(t, below.Header()).After(during), "what could not be taken over is stamped at its end")
	}
}

// TestWriter_WhatCannotBeFlushedIsNotYetStamped: the reply's moment comes later.
func TestWriter_WhatCannotBeFlushedIsNotYetStamped(t *testing.T) {
	recorder := httptest.NewRecorder()
	s := &site{clock: newClock(t, 0)}
	var during hlc.Timestamp
	s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
		_, _, err := http.NewResponseController(w).Hijack()
		require.ErrorIs(t, err, http.ErrNotSupported)
		during = s.clock.Now()
		_, _ = io.WriteString(w, "later")
	})).ServeHTTP(bare{recorder}, httptest.NewRequest(http.MethodGet, "/", nil))
	require.True(t, only(t, recorder.Result().Header).After(during))
}

// readerFrom counts the copies that it makes.
type readerFrom struct {
	*httptest.ResponseRecorder
	copies int
}

func (r *readerFrom) ReadFrom(source io.Reader) (int64, error) {
	r.copies++
	return r.Body.ReadFrom(source)
}

func TestWriter_AFileTakesTheShortWay(t *testing.T) {
	below := &readerFrom{ResponseRecorder: httptest.NewRecorder()}
	s := &site{clock: newClock(t, 0)}
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "digits.txt", time.Time{}, bytes.NewReader(content))
	})).ServeHTTP(below, httptest.NewRequest(http.MethodGet, "/", nil))
	require.Equal(t, content, below.Body.Bytes())
	require.Equal(t, 1, below.copies)
}
