package hlchttp

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

func TestServer_TheHandlerIsAfterTheRequestAndBeforeTheReply(t *testing.T) {
	bothVersions(t, func(t *testing.T, http2 bool) {
		var receipt Receipt
		var during hlc.Timestamp
		var s *site
		s = newSite(t, http2, Options{}, func(_ http.ResponseWriter, r *http.Request) {
			receipt, _ = FromRequest(r.Context())
			during = s.clock.Now()
		})
		response, _ := s.get(t, "/", stamp(300*time.Millisecond)) // the client's clock is ahead
		require.Equal(t, map[bool]int{false: 1, true: 2}[http2], response.ProtoMajor)
		require.NoError(t, receipt.Refused)
		require.Equal(t, stamp(300*time.Millisecond), receipt.Sent.String())
		require.True(t, receipt.At.After(receipt.Sent))
		require.True(t, during.After(receipt.At))
		require.True(t, only(t, response.Header).After(during))
		require.Empty(t, s.refused)
	})
}

func TestServer_WhatItDoesWithEachStamp(t *testing.T) {
	ahead, far := stamp(400*time.Millisecond), stamp(time.Hour)
	nobody := func(*http.Request) bool { return false }
	malformed := func(err error) bool { var e *MalformedError; return errors.As(err, &e) }
	tooFar := func(err error) bool { var e *hlc.TooFarAheadError; return errors.As(err, &e) }
	is := func(want error) func(error) bool {
		return func(err error) bool { return errors.Is(err, want) }
	}
	for _, c := range []struct {
		why     string
		options Options
		stamps  []string
		status  int
		refused func(error) bool // nil: the stamp counted
		text    string           // in the reply
	}{
		{"a stamp in the past is fine", Options{}, []string{stamp(-time.Hour)}, 200, nil, "served"},
		{"a stamp a little ahead moves the clock", Options{}, []string{ahead}, 200, nil, "served"},
		{"one an hour ahead ends the request", Options{}, []string{far}, 400, tooFar, "1h0m0s ahead of the local clock"},
		{"or is served unordered, if so chosen", Options{AllowRefused: true}, []string{far}, 200, tooFar, "served"},
		{"what is no timestamp ends the request", Options{}, []string{"yesterday"}, 400, malformed, "a digit is expected"},
		{"or is served unordered, if so chosen", Options{AllowRefused: true}, []string{"yesterday"}, 200, malformed, "served"},
		{"so does a kilobyte of digits", Options{}, []string{strings.Repeat("9", 1024)}, 400, malformed, "byte 0"},
		{"and an empty header", Options{}, []string{""}, 400, malformed, "byte 0"},
		{"two headers are none, even if they are the same", Options{}, []string{ahead, ahead}, 400, malformed, "there are 2 hlc-timestamp headers"},
		{"the zero timestamp is unset", Options{}, []string{"0.000000000,0"}, 400, is(hlc.ErrUnset), "unset"},
		{"no stamp is a local event", Options{}, nil, 200, is(ErrMissing), "served"},
		{"or ends the request, if so chosen", Options{RequireStamp: true}, nil, 400, is(ErrMissing), "there is no hlc-timestamp header"},
		{"a stranger's stamp is a local event", Options{Trusted: nobody}, []string{ahead}, 200, is(ErrUntrusted), "served"},
		{"and is not even read", Options{Trusted: nobody}, []string{"yesterday", far}, 200, is(ErrUntrusted), "served"},
		{"or ends the request, if stamps are required", Options{Trusted: nobody, RequireStamp: true}, []string{ahead}, 403, is(ErrUntrusted), "not trusted"},
		{"refused stamps do not become welcome by it", Options{RequireStamp: true}, []string{far}, 400, tooFar, "ahead"},
	} {
		var receipt Receipt
		s := newSite(t, false, c.options, func(w http.ResponseWriter, r *http.Request) {
			receipt, _ = FromRequest(r.Context())
			_, _ = io.WriteString(w, "served")
		})
		response, text := s.get(t, "/", c.stamps...)
		require.Equal(t, c.status, response.StatusCode, c.why)
		require.Contains(t, text, c.text, c.why)
		reply := only(t, response.Header) // whatever the status
		if c.refused == nil {
			require.Empty(t, s.refused, c.why)
			require.True(t, receipt.At.After(receipt.Sent), c.why)
			require.True(t, reply.After(receipt.At), c.why)
			continue
		}
		require.Len(t, s.refused, 1, c.why)
		require.True(t, c.refused(s.refused[0]), "%s: %v", c.why, s.refused[0])
		require.Equal(t, noon, reply.WallTime, "%s: the clock was not moved", c.why)
		if c.status == 200 {
			require.Equal(t, s.refused[0], receipt.Refused, c.why)
			require.Equal(t, noon, receipt.At.WallTime, c.why)
		}
	}
}

// TestServer_TheRequestStaysAsItIs for whoever is outside of the middleware, such as a log.
func TestServer_TheRequestStaysAsItIs(t *testing.T) {
	s := &site{clock: newClock(t, 0)}
	r := from("10.0.0.1:1")
	r.Header.Set(Header, stamp(0))
	s.stamped(t, Plain(s.clock), Options{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.Empty(t, r.Header.Values(Header))
		r.Header.Set("X-Mine", "yes")
	})).ServeHTTP(httptest.NewRecorder(), r)
	require.Equal(t, http.Header{"Hlc-Timestamp": {stamp(0)}}, r.Header)
}

func TestServer_AsksWhomToTrustOnlyIfThereIsAStamp(t *testing.T) {
	asked := 0
	s := newSite(t, false, Options{Trusted: func(*http.Request) bool { asked++; return true }}, func(http.ResponseWriter, *http.Request) {})
	s.get(t, "/")
	require.Zero(t, asked)
	s.get(t, "/", stamp(0))
	require.Equal(t, 1, asked)
}

func TestNew_NobodyIsTrustedByDefault(t *testing.T) {
	clock := Plain(newClock(t, 0))
	_, err := Server(clock, Options{})
	require.ErrorIs(t, err, ErrNoTrust)
	_, err = Transport(clock, nil, Options{})
	require.ErrorIs(t, err, ErrNoTrust)
	_, err = Server(nil, Options{Trusted: Everyone})
	require.ErrorIs(t, err, ErrNoClock)
	_, err = Transport(nil, nil, Options{Trusted: Everyone})
	require.ErrorIs(t, err, ErrNoClock)
	_, err = Server(Plain(nil), Options{Trusted: Everyone})
	require.ErrorIs(t, err, ErrNoClock)
	require.Equal(t, http.CanonicalHeaderKey(Header), canonical)
	_, ok := FromRequest(t.Context())
	require.False(t, ok)
	_, ok = FromReply(nil)
	require.False(t, ok)
}
