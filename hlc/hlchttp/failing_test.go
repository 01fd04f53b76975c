package hlchttp

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

var errDisk = errors.New("/var/lib/app/clock: the disk is gone")

// failing is a clock that gives one timestamp for each number, and then fails as a
// Durable does.
type failing struct {
	Clock
	left atomic.Int64
}

func (f *failing) Now(ctx context.Context) (hlc.Timestamp, error) {
	if f.left.Add(-1) < 0 {
		return hlc.Timestamp{}, &hlc.StorageError{Op: "sync", Err: errDisk}
	}
	return f.Clock.Now(ctx)
}

func (f *failing) UpdateFrom(ctx context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error) {
	if f.left.Add(-1) < 0 {
		return hlc.Timestamp{}, &hlc.StorageError{Op: "sync", Err: errDisk}
	}
	return f.Clock.UpdateFrom(ctx, peer, remote)
}

func failsAfter(t testing.TB, timestamps int64) *failing {
	f := &failing{Clock: Plain(newClock(t, 0))}
	f.left.Store(timestamps)
	return f
}

// requireFailed: a 503 without a stamp, and nothing of anybody's reply or disk.
func requireFailed(t *testing.T, why string, s *site, response *http.Response, text string) {
	t.Helper()
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode, why)
	require.True(t, strings.HasPrefix(text, "hlchttp: the server's clock has failed\n"), "%s: %s", why, text)
	for _, name := range []string{Header, "Set-Cookie", "Etag", "Location"} {
		require.Empty(t, response.Header.Values(name), why)
	}
	var failure *ClockError
	require.ErrorAs(t, s.refused[len(s.refused)-1], &failure, why)
	require.ErrorIs(t, failure, errDisk, why)
}

func TestServer_AClockThatFailsBeforeTheHandler(t *testing.T) {
	for why, stamps := range map[string][]string{
		"at the receipt of a stamp":         {stamp(0)},
		"at the local event without one":    nil,
		"at the reply to one that is wrong": {"yesterday"},
	} {
		s := &site{}
		s.serve(t, false, s.stamped(t, failsAfter(t, 0), Options{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("served") })))
		response, text := s.get(t, "/", stamps...)
		requireFailed(t, why, s, response, text)
	}
}

// TestServer_AClockThatFailsAtTheReply: whatever the handler wanted to say, and however.
func TestServer_AClockThatFailsAtTheReply(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		for _, c := range replies {
			s, served := &site{}, false
			s.serve(t, http2, recovering(s.stamped(t, failsAfter(t, 1), Options{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Set-Cookie", "a=b")
				w.Header().Set("Etag", `"x"`)
				c.write(w, r, func() { served = true })
				_, err := io.WriteString(w, "more")
				assert.ErrorIs(t, err, errDisk, c.why)
				w.WriteHeader(http.StatusEarlyHints) // too late for that, too
			}))))
			response, text := s.get(t, "/", stamp(0))
			requireFailed(t, c.why, s, response, text)
			require.True(t, served, c.why)
		}
	})
}

func TestServer_AClockThatFailsBeforeAnUpgrade(t *testing.T) {
	s := &site{}
	s.serve(t, false, s.stamped(t, failsAfter(t, 1), Options{})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _, err := w.(http.Hijacker).Hijack()
		assert.ErrorIs(t, err, errDisk)
	})))
	response, text := s.get(t, "/", stamp(0))
	requireFailed(t, "hijack", s, response, text)
}

// deaf is a clock that cannot receive.
type deaf struct{ Clock }

func (deaf) UpdateFrom(context.Context, string, hlc.Timestamp) (hlc.Timestamp, error) {
	return hlc.Timestamp{}, errDisk
}

// TestServer_AFailureIsNoRefusal: to go on would be to forget a stamp that nothing is wrong with,
// and a 400 would say that the sender has to mend something.
func TestServer_AFailureIsNoRefusal(t *testing.T) {
	for _, allow := range []bool{false, true} {
		s := &site{}
		s.serve(t, false, s.stamped(t, deaf{Plain(newClock(t, 0))}, Options{AllowRefused: allow})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("served") })))
		response, text := s.get(t, "/", stamp(0))
		requireFailed(t, "deaf", s, response, text)
	}
}

// TestServer_AReasonOfTheServersOwn: a sender is not blamed for it.
func TestServer_AReasonOfTheServersOwn(t *testing.T) {
	clock, err := hlc.New(hlc.Options{
		Physical: func() int64 { return noon },
		Latest:   func() (int64, error) { return 0, errors.New("not synchronized") },
	})
	require.NoError(t, err)
	s := &site{clock: clock}
	s.serve(t, false, s.stamped(t, Plain(clock), Options{})(http.NotFoundHandler()))
	response, text := s.get(t, "/", stamp(time.Millisecond))
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.Contains(t, text, "not synchronized")
	require.Equal(t, noon, only(t, response.Header).WallTime)
}

func TestClient_AClockThatFailsBeforeTheRequest(t *testing.T) {
	closed := false
	transport, err := Transport(failsAfter(t, 0), roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("it was sent")
		return nil, nil
	}), Options{Trusted: Everyone})
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodPost, "http://a.example", closing{strings.NewReader("hello"), &closed})
	_, err = transport.RoundTrip(request) //nolint:bodyclose
	require.ErrorAs(t, err, new(*ClockError))
	require.ErrorIs(t, err, errDisk)
	require.True(t, closed, "RoundTrip closes the request's body always")
}

func TestClient_AClockThatFailsAtTheReply(t *testing.T) {
	for _, stamps := range [][]string{{stamp(0)}, nil} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Hlc-Timestamp"] = stamps }))
		var told []error
		transport, err := Transport(failsAfter(t, 1), s.Client().Transport, Options{
			Trusted: Everyone, AllowRefused: true, OnRefused: func(_ *http.Request, why error) { told = append(told, why) },
		})
		require.NoError(t, err)
		_, err = (&http.Client{Transport: transport}).Get(s.URL) //nolint:bodyclose
		require.ErrorAs(t, err, new(*ClockError))
		require.ErrorIs(t, told[len(told)-1], errDisk)
		s.Close()
	}
}

// waiting is a clock whose disk is slow: it waits as long as it may.
type waiting struct{}

func (waiting) Now(ctx context.Context) (hlc.Timestamp, error) {
	<-ctx.Done()
	return hlc.Timestamp{}, ctx.Err()
}

func (w waiting) UpdateFrom(ctx context.Context, _ string, _ hlc.Timestamp) (hlc.Timestamp, error) {
	return w.Now(ctx)
}

func TestClock_WaitsNoLongerThanTheRequest(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	transport, err := Transport(waiting{}, nil, Options{Trusted: Everyone})
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodGet, "http://a.example", nil).WithContext(ctx)
	_, err = transport.RoundTrip(request) //nolint:bodyclose
	require.ErrorIs(t, err, context.Canceled)

	stamped, err := Server(waiting{}, Options{Trusted: Everyone})
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	stamped(http.NotFoundHandler()).ServeHTTP(recorder, request)
	require.Equal(t, http.StatusServiceUnavailable, recorder.Code)
}

// TestClock_TheEndOfTheRange: a Clock then returns the zero Timestamp, which is not sent.
func TestClock_TheEndOfTheRange(t *testing.T) {
	seconds, err := hlc.NewLayout(hlc.LayoutOptions{Name: "seconds", Ticks: 1, Nanos: 1e9, LogicalBits: 32})
	require.NoError(t, err)
	clock, err := hlc.New(hlc.Options{Layout: seconds, MaxLogical: 1, Physical: func() int64 { return math.MaxInt64 }})
	require.NoError(t, err)
	for !clock.Now().IsZero() { // until there is nothing left to count
	}
	_, err = Plain(clock).Now(t.Context())
	require.ErrorIs(t, err, hlc.ErrExhausted)
}

// TestDurable_StampsAsItIs, on both sides, until it is closed.
func TestDurable_StampsAsItIs(t *testing.T) {
	open := func(skew time.Duration) *hlc.Durable {
		d, err := hlc.OpenDurable(t.Context(), newClock(t, skew), hlc.DurableOptions{Dir: t.TempDir()})
		require.NoError(t, err)
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	servers, clients := open(0), open(300*time.Millisecond)
	s := &site{}
	s.serve(t, false, s.stamped(t, servers, Options{})(http.NotFoundHandler()))
	transport, err := Transport(clients, s.Client().Transport, Options{Trusted: Everyone})
	require.NoError(t, err)
	client := &http.Client{Transport: transport}
	for range 3 {
		response, err := client.Get(s.URL)
		require.NoError(t, err)
		body(t, response)
		receipt, _ := FromReply(response)
		require.NoError(t, receipt.Refused)
		require.True(t, receipt.Sent.After(only(t, response.Request.Header)))
		require.True(t, receipt.At.After(receipt.Sent))
	}
	require.NoError(t, servers.Close())
	response, err := client.Get(s.URL)
	require.NoError(t, err)
	body(t, response)
	require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
	require.ErrorIs(t, s.refused[0], hlc.ErrClosed)
	require.NoError(t, clients.Close())
	_, err = client.Get(s.URL) //nolint:bodyclose
	require.ErrorIs(t, err, hlc.ErrClosed)
}
