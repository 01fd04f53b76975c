package skewhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/skew"
)

var (
	at   = time.Date(2026, 11, 25, 8, 30, 0, 123_456_789, time.UTC).UnixNano()
	node = skew.Node{Known: true, Read: at, Earliest: at - 1_000_000, Latest: at + 3}
)

func TestAsk_WhatTheHandlerSays(t *testing.T) {
	server := httptest.NewServer(Handler(func() (skew.Node, error) { return node, nil }))
	defer server.Close()
	got, err := Ask(t.Context(), server.Client(), server.URL)
	require.NoError(t, err)
	require.Equal(t, node, got, "to the nanosecond")
}

// TestAsk_ANodeWithoutAnInterval says why, with 503, and so does one whose claim cannot be.
func TestAsk_ANodeWithoutAnInterval(t *testing.T) {
	inverted := node
	inverted.Earliest = inverted.Latest + 1
	for code, c := range map[string]struct {
		node skew.Node
		err  error
	}{
		"unsynchronized": {err: truetime.ErrUnsynchronized},
		"stale":          {err: fmt.Errorf("%w: for a day", truetime.ErrStale)},
		"disrupted":      {err: &truetime.DisruptedError{Cause: "suspend"}},
		"internal":       {node: inverted},
	} {
		server := httptest.NewServer(Handler(func() (skew.Node, error) { return c.node, c.err }))
		response, err := server.Client().Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		var none *NoIntervalError
		_, err = Ask(t.Context(), server.Client(), server.URL)
		require.ErrorAs(t, err, &none)
		require.Equal(t, code, none.Code)
		server.Close()
	}
}

func TestHandler_AnswersGetAlone(t *testing.T) {
	h := Handler(func() (skew.Node, error) { return node, nil })
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "DELETE": 405} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		require.Equal(t, want, w.Code, method)
	}
}

// TestAsk_WhatIsNoAnswer: whatever else is listening there, it is an error that says so, and no node.
func TestAsk_WhatIsNoAnswer(t *testing.T) {
	good := `{"schema":"clockctl/v1","read_at":"2026-11-25T08:30:00.000000000Z","interval":{"earliest":"2026-11-25T08:30:00.000000000Z","latest":"2026-11-25T08:30:00.000000001Z","uncertainty_ns":1}`
	_, err := Parse([]byte(good + `,"status":"synchronized","later":1}`))
	require.NoError(t, err, "keys that are not known do no harm")
	for why, body := range map[string]string{
		"a page":                      "<html>",
		"nothing":                     "",
		"null":                        "null",
		"a list":                      "[1,2]",
		"another schema":              `{"schema":"clockctl/v2"}`,
		"neither of both":             `{"schema":"clockctl/v1"}`,
		"no reading":                  `{"schema":"clockctl/v1","interval":{"earliest":"2026-11-25T08:30:00Z","latest":"2026-11-25T08:30:00Z"}}`,
		"inverted":                    strings.Replace(good, "00.000000001Z", "00.000000000+00:01", 1) + "}",
		"the year 0":                  strings.Replace(good, "2026-11-25", "0000-01-01", 1) + "}",
		"1969":                        strings.Replace(good, "2026-11-25", "1969-12-31", 1) + "}",
		"1970 in the far east":        strings.Replace(good, "2026-11-25T08:30:00.000000000Z", "1970-01-01T00:00:00+09:00", 1) + "}",
		"the year 2400":               strings.Replace(good, "2026-11-25T08:30:00.000000001Z", "2400-01-01T00:00:00Z", 1) + "}",
		"no moment":                   strings.Replace(good, "2026-11-25T08:30:00.000000000Z", "yesterday", 1) + "}",
		"a number where text is":      `{"schema":"clockctl/v1","read_at":5,"interval":null}`,
		"longer than any answer":      `"` + strings.Repeat("a", largestAnswer) + `"`,
		"the beginning of a good one": good,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		var wrong *AnswerError
		n, err := Ask(t.Context(), server.Client(), server.URL)
		require.ErrorAs(t, err, &wrong, why)
		require.Zero(t, n, why)
		server.Close()
	}
}

// TestAsk_FollowsNobodyElse: a redirect would make another node's word count as this one's.
func TestAsk_FollowsNobodyElse(t *testing.T) {
	other := httptest.NewServer(Handler(func() (skew.Node, error) { return node, nil }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer server.Close()
	_, err := Ask(t.Context(), nil, server.URL)
	require.ErrorAs(t, err, new(*AnswerError))
}

// TestAsk_EndsWithItsContext though the other end sends a byte now and then for ever.
func TestAsk_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			cancel()
		}
	}))
	defer server.Close()
	_, err := Ask(ctx, server.Client(), server.URL)
	require.True(t, errors.Is(err, context.Canceled), err)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schema":"clockctl/v1","read_at":"2026-11-25T08:30:00.000000000Z","interval":{"earliest":"2026-11-25T08:30:00Z","latest":"2026-11-25T08:30:01Z","uncertainty_ns":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if n, err := Parse(body); err == nil {
			require.NoError(t, n.Validate())
		} else {
			require.Zero(t, n)
		}
	})
}
