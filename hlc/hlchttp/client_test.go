package hlchttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// clientOf returns a client of s whose clock is skewed, and the clock.
func clientOf(t testing.TB, s *httptest.Server, skew time.Duration, o Options) (*http.Client, *hlc.Clock) {
	t.Helper()
	clock := newClock(t, skew)
	if o.Trusted == nil {
		o.Trusted = Everyone
	}
	transport, err := Transport(Plain(clock), s.Client().Transport, o)
	require.NoError(t, err)
	return &http.Client{Transport: transport}, clock
}

// TestRoundTrip_FourEvents: whichever of the two clocks is ahead, each event is
// above the one before it.
func TestRoundTrip_FourEvents(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		for _, skew := range []time.Duration{-300 * time.Millisecond, 0, 300 * time.Millisecond} {
			var received Receipt
			s := newSite(t, http2, Options{}, func(_ http.ResponseWriter, r *http.Request) { received, _ = FromRequest(r.Context()) })
			client, clock := clientOf(t, s.Server, skew, Options{})
			before := clock.Now()
			response, err := client.Get(s.URL)
			require.NoError(t, err)
			body(t, response)
			returned, ok := FromReply(response)
			require.True(t, ok)
			require.NoError(t, returned.Refused)
			chain := []hlc.Timestamp{before, only(t, response.Request.Header), received.At, returned.Sent, returned.At, clock.Now()}
			for i := range chain[1:] {
				require.True(t, chain[i].Before(chain[i+1]), "skew %v: %v", skew, chain)
			}
			require.Equal(t, chain[1], received.Sent)
			require.Empty(t, response.Header.Values(Header), "the receipt has it")
		}
	})
}

func TestRoundTrip_WhatItDoesWithEachReply(t *testing.T) {
	var tooFar *hlc.TooFarAheadError
	var malformed *MalformedError
	for _, c := range []struct {
		why     string
		options Options
		stamps  []string
		target  any  // what errors.As finds in the reason, or nil
		fails   bool // RoundTrip does
	}{
		{"a stamp moves the clock", Options{}, []string{stamp(400 * time.Millisecond)}, nil, false},
		{"one that is too far ahead is an error", Options{}, []string{stamp(time.Hour)}, &tooFar, true},
		{"or a reply without order", Options{AllowRefused: true}, []string{stamp(time.Hour)}, &tooFar, false},
		{"two are an error", Options{}, []string{stamp(0), stamp(0)}, &malformed, true},
		{"none is a reply of a server that keeps no time", Options{}, nil, ErrMissing, false},
		{"or an error", Options{RequireStamp: true}, nil, ErrMissing, true},
		{"a stranger is not believed", Options{Trusted: Hosts("elsewhere")}, []string{stamp(400 * time.Millisecond)}, ErrUntrusted, false},
	} {
		var refused error
		c.options.OnRefused = func(_ *http.Request, why error) { refused = why }
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Hlc-Timestamp"] = c.stamps }))
		client, clock := clientOf(t, s, 0, c.options)
		response, err := client.Get(s.URL)
		require.Equal(t, c.fails, err != nil, "%s: %v", c.why, err)
		if err == nil {
			body(t, response)
			receipt, _ := FromReply(response)
			require.Equal(t, refused, receipt.Refused, c.why)
		}
		s.Close()
		requireReason(t, c.why, refused, c.target)
		if c.fails {
			requireReason(t, c.why, err, c.target)
		}
		moved := clock.Peek().WallTime > noon
		require.Equal(t, c.target == nil, moved, c.why)
	}
}

func requireReason(t *testing.T, why string, err error, target any) {
	t.Helper()
	switch target := target.(type) {
	case nil:
		require.NoError(t, err, why)
	case error:
		require.ErrorIs(t, err, target, why)
	default:
		require.ErrorAs(t, err, target, why)
	}
}

// roundTrip is a base that a test writes.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type closing struct {
	io.Reader
	closed *bool
}

func (c closing) Close() error { *c.closed = true; return nil }

func TestRoundTrip_ARefusedReplyIsClosed(t *testing.T) {
	closed := false
	transport, err := Transport(Plain(newClock(t, 0)), roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{Header: http.Header{"Hlc-Timestamp": {"?"}}, Body: closing{strings.NewReader(""), &closed}}, nil
	}), Options{Trusted: Everyone})
	require.NoError(t, err)
	_, err = transport.RoundTrip(httptest.NewRequest(http.MethodGet, "http://a.example", nil)) //nolint:bodyclose
	require.ErrorContains(t, err, "reply of a.example not ordered")
	require.True(t, closed)
}

func TestRoundTrip_TheCallersRequestStaysAsItIs(t *testing.T) {
	sent := http.Header{}
	failure := errors.New("no network today")
	clock := newClock(t, 0)
	transport, err := Transport(Plain(clock), roundTrip(func(r *http.Request) (*http.Response, error) { sent = r.Header; return nil, failure }), Options{Trusted: Everyone})
	require.NoError(t, err)
	request := &http.Request{Header: http.Header{"Hlc-Timestamp": {"old", "older"}, "hlc-timestamp": {"raw"}, "Accept": {"all"}}}
	_, err = transport.RoundTrip(request) //nolint:bodyclose
	require.Equal(t, failure, err, "errors of the base come through")
	require.Equal(t, http.Header{"Hlc-Timestamp": {"old", "older"}, "hlc-timestamp": {"raw"}, "Accept": {"all"}}, request.Header)
	require.Equal(t, http.Header{"Hlc-Timestamp": {clock.Peek().String()}, "Accept": {"all"}}, sent, "one stamp, in place of whatever was there")

	request.Header = nil
	_, err = transport.RoundTrip(request) //nolint:bodyclose
	require.Equal(t, failure, err)
	require.Len(t, sent, 1)
}

// TestRoundTrip_Redirect: the other host gets a stamp of its own hop, and is not
// believed because the first one is.
func TestRoundTrip_Redirect(t *testing.T) {
	stranger := newSite(t, false, Options{}, func(http.ResponseWriter, *http.Request) {})
	require.NoError(t, stranger.clock.Observe(hlc.Timestamp{WallTime: noon + int64(400*time.Millisecond)}))
	friend := newSite(t, false, Options{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL, http.StatusFound)
	})
	client, clock := clientOf(t, friend.Server, 0, Options{Trusted: Hosts(strings.TrimPrefix(friend.URL, "http://"))})
	response, err := client.Get(friend.URL)
	require.NoError(t, err)
	body(t, response)
	receipt, _ := FromReply(response)
	require.ErrorIs(t, receipt.Refused, ErrUntrusted)
	require.Equal(t, noon, clock.Peek().WallTime, "the stranger did not move it")
	require.Greater(t, only(t, response.Request.Header).Logical, uint32(1), "stamped anew, after the friend's reply")
}

func TestRoundTrip_CloseIdleConnectionsReachesTheBase(t *testing.T) {
	s := newSite(t, false, Options{}, func(http.ResponseWriter, *http.Request) {})
	client, _ := clientOf(t, s.Server, 0, Options{})
	response, err := client.Get(s.URL)
	require.NoError(t, err)
	body(t, response)
	client.CloseIdleConnections()
	s.Config.SetKeepAlivesEnabled(true)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	require.NoError(t, s.Config.Shutdown(ctx), "no connection is left open")
}

// TestRoundTrip_ManyAtOnce: two sites call each other from many goroutines, and
// each sees every event of its own chain rise.
func TestRoundTrip_ManyAtOnce(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		var s *site
		s = newSite(t, http2, Options{}, func(w http.ResponseWriter, r *http.Request) {
			receipt, _ := FromRequest(r.Context())
			if during := s.clock.Now(); receipt.Refused != nil || !during.After(receipt.At) || !receipt.At.After(receipt.Sent) {
				t.Errorf("%v during %v", receipt, during)
			}
			w.WriteHeader(http.StatusTeapot)
		})
		client, clock := clientOf(t, s.Server, 100*time.Millisecond, Options{})
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				for range 40 {
					before := clock.Now()
					response, err := client.Get(s.URL)
					if err != nil {
						t.Error(err)
						return
					}
					_ = response.Body.Close()
					receipt, _ := FromReply(response)
					if receipt.Refused != nil || !before.Before(receipt.Sent) || !receipt.Sent.Before(receipt.At) {
						t.Errorf("%v: %v", before, receipt)
					}
				}
			})
		}
		work.Wait()
		require.Empty(t, s.refused)
	})
}
