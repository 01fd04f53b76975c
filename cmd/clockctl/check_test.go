package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
)

// seen is an observation of this offset and uncertainty.
func seen(offset, uncertainty time.Duration) observation {
	wall := time.Date(2026, 11, 23, 7, 36, 45, 0, time.UTC)
	o := observation{now: resultJSON{Interval: &intervalJSON{Uncertainty: int64(uncertainty)}, Agreed: 3}, total: 4}
	o.measure(wall, wall.Add(offset).Add(-uncertainty), wall.Add(offset).Add(uncertainty), uncertainty)
	return o
}

// TestCheck_TheLine is the line of the documentation, to the letter.
func TestCheck_TheLine(t *testing.T) {
	c := checking{warning: 50 * time.Millisecond, critical: 500 * time.Millisecond}
	require.Equal(t, "CLOCK OK - local clock 391.0 ns slow, worst error 61.60 µs, 3 of 4 sources agree | "+
		"'error'=0.000061595s;0.05;0.5;0; 'offset'=0.000000391s;;; 'uncertainty'=0.000061204s;;;0; 'agreed'=3;;;0;4", c.line(c.judge(seen(391, 61_204))))
	require.Equal(t, "CLOCK UNKNOWN - a / b; c", c.line(unknown(errors.New("a | b\nc"))), "the bar and the end of the line mean something to monitoring")
}

// TestCheck_Limits: offset plus uncertainty counts, whatever the sign, and the limit itself is over.
func TestCheck_Limits(t *testing.T) {
	c := checking{warning: 50 * time.Millisecond, critical: 500 * time.Millisecond}
	for _, story := range []struct {
		offset, uncertainty time.Duration
		want                level
		why                 string
	}{
		{40 * time.Millisecond, 10*time.Millisecond - 1, levelOK, "one nanosecond below"},
		{40 * time.Millisecond, 10 * time.Millisecond, levelWarning, "at the limit"},
		{-40 * time.Millisecond, 10 * time.Millisecond, levelWarning, "fast is as wrong as slow"},
		{0, 50 * time.Millisecond, levelWarning, "the uncertainty alone"},
		{-490 * time.Millisecond, 10 * time.Millisecond, levelCritical, "at the other limit"},
		{499 * time.Millisecond, 999_999, levelWarning, "just below"},
		{math.MaxInt64 - 10, 100, levelCritical, "more than a duration holds"},
	} {
		v := c.judge(seen(story.offset, story.uncertainty))
		require.Equal(t, story.want, v.level, story.why)
		require.Positive(t, v.seen.worst, story.why)
	}
}

func TestSeconds_AreExact(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.000000000", 391: "0.000000391", -1: "-0.000000001", -1500 * time.Millisecond: "-1.500000000", math.MinInt64: "-9223372036.854775808",
	} {
		require.Equal(t, want, seconds(d))
	}
	require.Equal(t, "0.05", short(50*time.Millisecond))
	require.Equal(t, "60", short(time.Minute))
}

func TestUpward_NeverLessThanTheError(t *testing.T) {
	for d, want := range map[time.Duration]time.Duration{0: 0, 9999: 9999, 10_001: 10_010, 61_595: 61_600, 61_600: 61_600, 99_999_999: 100_000_000, math.MaxInt64: math.MaxInt64} {
		require.Equal(t, want, upward(d))
	}
}

// TestCheck_OneExchangeWithOthersServers: the machine is asked every minute. A name is another's, even if
// it leads here.
func TestCheck_OneExchangeWithOthersServers(t *testing.T) {
	server, err := fleet.Start(fleet.Config{})
	require.NoError(t, err)
	defer server.Close()
	code, _, stderr := invoke(t.Context(), "check", "-i", "1ms", server.Addr())
	require.Equal(t, 0, code, stderr)
	require.Equal(t, 4, server.Requests(), "our own")
	c := &checking{}
	cmd := newCheck(streams{}, nil)
	require.Equal(t, "0", cmd.Flags().Lookup("samples").DefValue, "the text says both")
	require.Equal(t, 1, c.exchanges(false, ntpprobe.Servers("192.0.2.1", server.Addr())))
	require.Equal(t, 0, c.exchanges(true, ntpprobe.Servers("192.0.2.1")), "as the flag says")
	require.Equal(t, 0, c.exchanges(false, ntpprobe.Servers(server.Addr())))
}

// TestCheck_Interrupted is UNKNOWN: half an answer is none.
func TestCheck_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{Reply: fleet.Then(func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	})})
	code, stdout, _ := invoke(ctx, "check", "-i", "1ms", server)
	require.Equal(t, 3, code)
	require.Equal(t, "CLOCK UNKNOWN - interrupted by signal interrupt\n", stdout)
}

// served is what a running serve answers.
const served = `{"schema":"clockctl/v1","read_at":"2026-11-23T07:36:45.354012311Z",
	"interval":{"earliest":"2026-11-23T07:36:45.353951498Z","latest":"2026-11-23T07:36:45.354073906Z","uncertainty_ns":61204},
	"faulty_tolerated":1,"agreed":3,"status":"synchronized","leap_pending":null,"sources_total":4}`

// answering is a serve that says this.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/interval" || r.Method != http.MethodGet {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestCheckFrom_ARunningServe: the offset follows from the object.
func TestCheckFrom_ARunningServe(t *testing.T) {
	url := answering(t, http.StatusOK, served)
	for _, base := range []string{url, url + "/", strings.TrimPrefix(url, "http://")} {
		code, stdout, stderr := invoke(t.Context(), "check", "--from", base)
		require.Equal(t, 0, code, stderr)
		require.Equal(t, "CLOCK OK - local clock 391.0 ns slow, worst error 61.60 µs, 3 of 4 sources agree | "+
			"'error'=0.000061595s;0.05;0.5;0; 'offset'=0.000000391s;;; 'uncertainty'=0.000061204s;;;0; 'agreed'=3;;;0;4\n", stdout)
	}
	code, stdout, _ := invoke(t.Context(), "check", "--from", url, "-w", "1us", "-c", "10us", "-o", "json")
	require.Equal(t, 2, code)
	require.Contains(t, stdout, `"state":"critical","sources_total":4,"offset_ns":391,"worst_error_ns":61595,"warning_ns":1000,"critical_ns":10000}`)
}

// TestCheckFrom_NoInterval is what the flag says, not a failure of serve.
func TestCheckFrom_NoInterval(t *testing.T) {
	url := answering(t, http.StatusServiceUnavailable, `{"schema":"clockctl/v1","read_at":"2026-11-23T07:36:45.354012311Z","interval":null,"faulty_tolerated":1,"agreed":0,
		"status":"unsynchronized","sources_total":4,"error":{"code":"no_quorum","message":"2 of 4 sources share a point, 3 needed (1 may lie)","best":2,"needed":3}}`)
	code, stdout, _ := invoke(t.Context(), "check", "--from", url)
	require.Equal(t, 2, code)
	require.Equal(t, "CLOCK CRITICAL - no quorum: 2 of 4 sources share a point, 3 needed (1 may lie) | 'agreed'=0;;;0;4\n", stdout)
	code, _, _ = invoke(t.Context(), "check", "--from", url, "--no-interval", "unknown")
	require.Equal(t, 3, code)
}

// TestCheckFrom_IsStrict: whatever is missing or does not fit is UNKNOWN.
func TestCheckFrom_IsStrict(t *testing.T) {
	change := func(key string, value any) string {
		var o map[string]any
		require.NoError(t, json.Unmarshal([]byte(served), &o))
		if o[key] = value; value == nil {
			delete(o, key)
		}
		text, err := json.Marshal(o)
		require.NoError(t, err)
		return string(text)
	}
	interval := func(earliest, latest string, uncertainty int) map[string]any {
		return map[string]any{"earliest": earliest, "latest": latest, "uncertainty_ns": uncertainty}
	}
	early, later := "2026-11-23T07:36:45.353951498Z", "2026-11-23T07:36:45.354073906Z"
	for want, body := range map[string]string{
		"is not JSON":                     "<html>404 page not found</html>",
		"the answer is too long":          strings.Repeat(" ", largestAnswer) + served,
		"cannot unmarshal array":          "[]",
		`the schema is "", not`:           "{}",
		`the schema is "clockctl/v2"`:     change("schema", "clockctl/v2"),
		"neither an interval nor an":      change("interval", nil),
		"read_at is missing":              change("read_at", nil),
		"sources_total is missing":        change("sources_total", nil),
		"agreed or sources_total":         change("agreed", nil),
		"5 of 4 sources agree":            change("agreed", 5),
		`"yesterday" is no moment`:        change("read_at", "yesterday"),
		`"" is no moment`:                 change("interval", interval("", later, 61204)),
		"inverted":                        change("interval", interval(later, early, 61204)),
		"less than half the interval":     change("interval", interval(early, later, 61203)),
		"cannot unmarshal string into Go": change("interval", "none"),
		"no moment from 1970 to 2099":     change("interval", interval("0001-01-01T00:00:00Z", later, math.MaxInt64)),
		`the status is "fine"`:            change("status", "fine"),
		"the error has no code":           change("error", map[string]any{"code": "\x1b[31m", "message": "red"}),
		`the leap second is "soon"`:       change("leap_pending", "soon"),
	} {
		code, stdout, stderr := invoke(t.Context(), "check", "--from", answering(t, http.StatusOK, body))
		require.Equal(t, 3, code, want)
		require.Contains(t, stdout, "CLOCK UNKNOWN - ", want)
		require.Contains(t, stderr, want)
	}
}

// TestCheckFrom_NothingOfItMovesTheCursor: a serve's words are not a terminal's commands, and not
// a second line for monitoring.
func TestCheckFrom_NothingOfItMovesTheCursor(t *testing.T) {
	evil := "\x1b[2Jcleared\r\nCLOCK OK - fine \u009b31m\u2028\u202e | 'error'=0s"
	body, err := json.Marshal(map[string]any{
		"schema": schema, "read_at": "2026-11-23T08:36:45+01:00", "interval": nil, "faulty_tolerated": 1, "agreed": 0, "status": "unsynchronized", "sources_total": 4,
		"error": map[string]any{"code": "no_quorum", "message": evil},
	})
	require.NoError(t, err)
	for _, format := range []string{"table", "json"} {
		code, stdout, stderr := invoke(t.Context(), "check", "-o", format, "--from", answering(t, http.StatusServiceUnavailable, string(body)))
		require.Equal(t, 2, code)
		for _, printed := range []string{stdout, stderr} {
			require.Equal(t, 1, strings.Count(printed, "\n"), printed)
			require.NotRegexp(t, `[^\pL\pM\pN\pP\pS \n]`, printed, "only what is seen")
		}
		if format == "json" {
			require.NoError(t, checkPrinted([]string{"check", "-o", "json"}, stdout))
			require.Contains(t, stdout, `"read_at":"2026-11-23T07:36:45.000000000Z"`, "in our form")
		} else {
			require.Equal(t, 1, strings.Count(stdout, "|"), "what follows the bar is ours")
		}
	}
}

// TestCheckFrom_AServeThatHangs is given up after the time-out.
func TestCheckFrom_AServeThatHangs(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	code, stdout, _ := invoke(t.Context(), "check", "--from", hang.URL, "--timeout", "50ms")
	require.Equal(t, 3, code)
	require.Contains(t, stdout, "deadline exceeded")
}
