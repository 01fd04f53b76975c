package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// raw sends bytes on a connection of its own and returns the status line, "" if there was none.
func (s *site) raw(t *testing.T, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, _ = io.WriteString(conn, request) // a refusal may come before the end
	line, _ := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(line)
}

// TestCalled_OnlyByItsOwnNames: a site whose name points to 127.0.0.1 is refused on every path, and says why.
func TestCalled_OnlyByItsOwnNames(t *testing.T) {
	s := serving(t, func(c *Config) { c.Hosts = []string{"Clock.example.net"} })
	for host, want := range map[string]string{
		"127.0.0.1": "200", "127.0.0.1:80": "200", "127.9.9.9:1": "200", "localhost:9": "200", "LOCALHOST.": "200", "a.localhost": "200", "[::1]:10123": "200", "[::1]": "200",
		"[::ffff:127.0.0.1]": "200", "clock.example.net": "200", "CLOCK.EXAMPLE.NET.:10123": "200",
		"evil.example": "421", "127.0.0.1.evil.example": "421", "localhost.evil.example:10123": "421", "notlocalhost": "421", "10.0.0.1": "421", "0.0.0.0": "421", "clock.example.net.evil": "421",
		"[::2]": "421", "localhost@evil.example": "400",
	} {
		require.Contains(t, s.raw(t, "GET /healthz HTTP/1.1\r\nHost: "+host+"\r\n\r\n"), " "+want+" ", host)
	}
	for _, path := range []string{"/", "/metrics", "/api/v1/interval", "/api/v1/sources", "/api/v1/history", "/api/v1/events", "/nowhere"} {
		require.Contains(t, s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: evil.example\r\n\r\n"), " 421 ", path)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/", nil)
	require.NoError(t, err)
	request.Host = "evil.example"
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusMisdirectedRequest, response.StatusCode)
	require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"), "the name in the answer is text")
	require.Equal(t, policy, response.Header.Get("Content-Security-Policy"))
	require.Contains(t, s.raw(t, "GET http://evil.example/healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), " 421 ", "an absolute target names the host")
	require.Contains(t, s.raw(t, "GET /healthz HTTP/1.0\r\n\r\n"), " 200 ", "no browser")
	require.Contains(t, s.raw(t, "GET /healthz HTTP/1.1\r\n\r\n"), " 400 ")
}

// TestCalled_OnTheNetwork: there it has names that it cannot know, unless it is told them.
func TestCalled_OnTheNetwork(t *testing.T) {
	ask := func(hosts []string, host string) int {
		answer := &recorded{header: http.Header{}}
		request, err := http.NewRequest(http.MethodGet, "http://"+host+"/", nil)
		require.NoError(t, err)
		called(hosts, &net.TCPAddr{IP: net.IPv4zero, Port: 1}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })).ServeHTTP(answer, request)
		return answer.code
	}
	require.Equal(t, 200, ask(nil, "anything.example"))
	require.Equal(t, 421, ask([]string{"clock.example.net"}, "anything.example"))
	require.Equal(t, 200, ask([]string{"clock.example.net"}, "clock.example.net:1"))
	require.Equal(t, 200, ask([]string{"clock.example.net"}, "127.0.0.1"))
}

type recorded struct {
	header http.Header
	code   int
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(code int)        { r.code = code }
func (r *recorded) Write(b []byte) (int, error) { return len(b), nil }

// counting is a listener that knows how many of its connections are open.
type counting struct {
	net.Listener
	open, most atomic.Int64
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.most.Store(max(c.most.Load(), c.open.Add(1))) // one goroutine accepts
	}
	return &counted{Conn: conn, of: c}, err
}

type counted struct {
	net.Conn
	of     *counting
	closed atomic.Bool
}

func (c *counted) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		c.of.open.Add(-1)
	}
	return c.Conn.Close()
}

// TestServe_AThousandConnections that say nothing, or little: only so many are open at once, and whoever comes after them is
// answered while they last.
func TestServe_AThousandConnections(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &counting{Listener: inner}
	s := servingOn(t, l, func(c *Config) { c.Connections = 20 })
	_, lines := s.stream(t)
	next(t, lines, "data: ")
	for i := range 1000 {
		conn, err := net.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		defer conn.Close()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n"[:i%15]) // it may have been turned away already
	}
	require.Contains(t, s.raw(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 200 ")
	require.LessOrEqual(t, l.most.Load(), int64(21), "one more while it is let in")
	next(t, lines, "data: ") // who is being answered is not turned away
	s.stop()
	require.NoError(t, <-s.ended)
}

// TestCrowd_WhoIsTurnedAway: the one that has been without a request for longest; a new one if all are being answered.
func TestCrowd_WhoIsTurnedAway(t *testing.T) {
	c := newCrowd(2)
	conn := func() *turned { return &turned{} }
	first, second, third, fourth := conn(), conn(), conn(), conn()
	c.changed(first, http.StateNew)
	c.changed(second, http.StateNew)
	c.changed(first, http.StateActive)
	c.changed(first, http.StateIdle) // now second has waited longer
	c.changed(third, http.StateNew)
	require.Equal(t, []bool{false, true, false}, []bool{first.away, second.away, third.away})
	c.changed(second, http.StateClosed) // as the server notices
	c.changed(first, http.StateActive)
	c.changed(third, http.StateActive)
	c.changed(fourth, http.StateNew)
	require.Equal(t, []bool{false, false, true}, []bool{first.away, third.away, fourth.away})
	c.changed(fourth, http.StateClosed)
	c.changed(first, http.StateClosed)
	require.Len(t, c.places, 1)
	fifth := conn()
	c.changed(fifth, http.StateNew)
	c.disperse()
	require.Equal(t, []bool{false, true}, []bool{third.away, fifth.away}, "who is being answered may finish")
	late := conn()
	c.changed(late, http.StateNew)
	c.changed(third, http.StateIdle)
	require.Equal(t, []bool{true, true}, []bool{third.away, late.away})
}

// turned is a connection that knows whether it was closed.
type turned struct {
	net.Conn
	away bool
}

func (c *turned) Close() error { c.away = true; return nil }

// TestServe_AThousandReconnects leave nothing behind.
func TestServe_AThousandReconnects(t *testing.T) {
	s := serving(t, nil)
	s.raw(t, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") // it runs
	before := runtime.NumGoroutine() + 10                        // of the test itself, and of the server's own
	for i := range 1000 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		require.NoError(t, err)
		_, err = io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		require.NoError(t, err)
		if i%2 == 0 {
			_, _ = bufio.NewReader(conn).ReadString('\n')
		}
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before }, 20*time.Second, 5*time.Millisecond, "more than %d goroutines", before)
}

// TestServe_RequestsThatNobodyShouldSend are refused, and it lives on.
func TestServe_RequestsThatNobodyShouldSend(t *testing.T) {
	s := serving(t, nil)
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }
	for request, want := range map[string]string{
		get("/" + strings.Repeat("a", 64<<10)):                         " 431 ",
		get("/healthz?" + strings.Repeat("a=b&", 2000)):                " 200 ",
		get("/page/../page.go"):                                        " 307 ", // cleaned by the mux, to a path that is not found
		get("/%2e%2e/%2e%2e/etc/passwd"):                               " 404 ",
		get("/..%2f..%2fetc%2fpasswd"):                                 " 404 ",
		get("/page.js/"):                                               " 404 ",
		get("/page.js%00"):                                             " 404 ",
		get("//evil.example/"):                                         " 307 ",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n":                " 405 ",
		"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n": " 405 ",
		"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n":                  " 405 ",
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n":                     " 200 ",
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n":                                    " 400 ",
		"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n":                                                  " 505 ",
		fmt.Sprintf("GET /healthz HTTP/1.1\r\nHost: localhost\r\n%s\r\n", strings.Repeat("X: y\r\n", 9000)): " 431 ",
	} {
		require.Contains(t, s.raw(t, request), want, "%.60q", request)
	}
	code, _, _ := s.ask(t, http.MethodGet, "/healthz")
	require.Equal(t, http.StatusOK, code)
}
