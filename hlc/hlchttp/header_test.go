package hlchttp

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// serveOnce has the middleware serve one request with these headers.
func serveOnce(t testing.TB, clock *hlc.Clock, stamps ...string) (reply *http.Response, receipt Receipt, refused error) {
	t.Helper()
	s := &site{clock: clock}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["Hlc-Timestamp"] = stamps
	recorder := httptest.NewRecorder()
	s.stamped(t, Plain(clock), Options{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		receipt, _ = FromRequest(r.Context())
	})).ServeHTTP(recorder, r)
	if len(s.refused) > 0 {
		refused = s.refused[0]
	}
	return recorder.Result(), receipt, refused
}

// TestHeader_TheFormsOfATimestampThatAreNotTheText, and others' habits: none is guessed at.
func TestHeader_TheFormsOfATimestampThatAreNotTheText(t *testing.T) {
	for why, value := range map[string]string{
		"two of them joined by a proxy": stamp(0) + ", " + stamp(0),
		"the decimal form":              "1790000000123456789.0000000007",
		"the sortable form":             "20260921T141320.123456789Z-0000000007",
		"a stamp with a node":           "1790000000.123456789,7@a",
		"a date":                        "Mon, 21 Sep 2026 14:13:20 GMT",
		"a space in front":              " " + stamp(0),
		"quotes":                        `"` + stamp(0) + `"`,
		"a leading zero":                "0" + stamp(0),
		"seconds that wrap to 1":        "18446744073709551617.000000000,0",
		"a logical part that wraps":     "1790000000.123456789,4294967296",
		"a zero byte":                   stamp(0) + "\x00",
	} {
		reply, _, refused := serveOnce(t, newClock(t, 0), value)
		require.Equal(t, http.StatusBadRequest, reply.StatusCode, why)
		require.ErrorAs(t, refused, new(*MalformedError), why)
		require.ErrorAs(t, refused, new(*hlc.ParseError), why)
	}
	_, receipt, refused := serveOnce(t, newClock(t, 0), "1790000000.000000009")
	require.NoError(t, refused, "a zero logical part may be left out")
	require.Equal(t, hlc.Timestamp{WallTime: noon + 9}, receipt.Sent)
}

// FuzzHeader: whatever a trusted peer sends, once or twice, gives a typed error and a
// clock that was not moved by it, or a receipt above it. The reply is stamped.
func FuzzHeader(f *testing.F) {
	for _, seed := range []string{"", "0.000000000,0", stamp(0), stamp(time.Hour), stamp(400 * time.Millisecond), "1790000000.123456789", "-1.000000000,0",
		"1790000000.000000000,1048576", "9223372036.854775807,4294967295", "1.000000000,0, 2.000000000,0"} {
		f.Add(seed, false)
	}
	f.Add(stamp(0), true)
	f.Fuzz(func(t *testing.T, value string, twice bool) {
		clock, stamps := newClock(t, 0), []string{value}
		if twice {
			stamps = []string{value, value}
		}
		reply, receipt, refused := serveOnce(t, clock, stamps...)
		at := only(t, reply.Header)
		if refused != nil {
			require.Equal(t, http.StatusBadRequest, reply.StatusCode)
			require.True(t, errors.As(refused, new(*MalformedError)) || refusal(refused), "%v", refused)
			require.Equal(t, hlc.Timestamp{WallTime: noon}, at)
			return
		}
		require.False(t, twice)
		require.Equal(t, http.StatusOK, reply.StatusCode)
		require.Contains(t, []string{value, value + ",0"}, receipt.Sent.String())
		require.True(t, receipt.At.After(receipt.Sent))
		require.True(t, at.After(receipt.At))
		require.LessOrEqual(t, at.WallTime, noon+int64(hlc.DefaultMaxLead)+1)
	})
}
