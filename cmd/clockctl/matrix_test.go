package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// peer is a node whose clock is ahead by ahead and which knows the time to a
// millisecond; what it believes is wrong by wrong.
func peer(t *testing.T, ahead, wrong time.Duration) string {
	t.Helper()
	return saying(t, http.StatusOK, func() string {
		now := time.Now()
		believed := now.Add(wrong)
		return fmt.Sprintf(`{"schema":"clockctl/v1","read_at":%q,"interval":{"earliest":%q,"latest":%q,"uncertainty_ns":1000000},"status":"synchronized","agreed":3,"sources_total":3}`,
			jsonTime(now.Add(ahead)), jsonTime(believed.Add(-time.Millisecond)), jsonTime(believed.Add(time.Millisecond)))
	})
}

func saying(t *testing.T, code int, body func() string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/interval" {
			code = http.StatusNotFound
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body()))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// matrixOf runs matrix with JSON and returns its object.
func matrixOf(t *testing.T, args ...string) (int, matrixJSON, string) {
	t.Helper()
	code, stdout, stderr := invoke(t.Context(), append([]string{"matrix", "-o", "json", "--timeout", "10s"}, args...)...)
	var o matrixJSON
	require.NoError(t, json.Unmarshal([]byte(stdout), &o), stdout)
	return code, o, stderr
}

func verdictsOf(o matrixJSON) (list []string) {
	for _, n := range o.Nodes {
		list = append(list, n.Verdict)
	}
	return list
}

// TestMatrix_RealServes of one machine are apart by nothing.
func TestMatrix_RealServes(t *testing.T) {
	fleet := servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})
	var peers []string
	for range 3 {
		url, _ := serveOn(t, append(onFreePort, fleet...)...)
		untilReady(t, url)
		peers = append(peers, strings.TrimPrefix(url, "http://"))
	}
	code, o, stderr := matrixOf(t, append(peers, "--limit", "10s")...)
	require.Zero(t, code, stderr)
	require.Equal(t, []string{"healthy", "healthy", "healthy"}, verdictsOf(o))
	require.Len(t, o.Pairs, 3)
	for _, p := range o.Pairs {
		require.Equal(t, "within", p.State)
		require.LessOrEqual(t, *p.Min, int64(0), "the truth is inside: it is one clock")
		require.GreaterOrEqual(t, *p.Max, int64(0))
	}
}

func TestMatrix_AClockThatIsOut(t *testing.T) {
	peers := []string{peer(t, 0, 0), peer(t, 0, 0), peer(t, time.Minute, 0)}
	code, o, stderr := matrixOf(t, append(peers, "--limit", "20s")...)
	require.Equal(t, exitBad, code)
	require.Equal(t, []string{"healthy", "healthy", "evict"}, verdictsOf(o))
	require.Equal(t, "over", o.Pairs[1].State)
	require.Less(t, *o.Pairs[1].Max, int64(-20*time.Second), "the first is behind the third")
	require.Equal(t, "over_limit", o.Error.Code)
	require.Equal(t, "clockctl: matrix: 2 of 3 pairs of clocks are certainly further apart than --limit: ask clockctl check on the nodes that are out\n", stderr)
	code, stdout, _ := invoke(t.Context(), append([]string{"matrix", "--limit", "20s", "--timeout", "10s", "--color", "never"}, peers...)...)
	require.Equal(t, exitBad, code)
	require.Regexp(t, `(?m)^NODE +1 +2 +3 +±INTERVAL +VERDICT$`, stdout)
	require.Regexp(t, `(?m)^1 http://\S+ +- +\* ≤[^!]* +! ≥(59|60)\.\d+ s +1\.000 ms +healthy$`, stdout)
	require.Regexp(t, `(?m)^3 http://\S+ +! ≥.* +! ≥.* +- +1\.000 ms +evict$`, stdout)
}

// TestMatrix_IntervalsThatDisproveEachOther: the clocks are right, and a belief is not.
func TestMatrix_IntervalsThatDisproveEachOther(t *testing.T) {
	code, o, stderr := matrixOf(t, peer(t, 0, 0), peer(t, 0, 0), peer(t, 0, time.Minute))
	require.Equal(t, exitBad, code)
	require.Equal(t, "disproved", o.Pairs[2].State)
	require.Nil(t, o.Pairs[2].Min)
	require.Equal(t, "disproved", o.Error.Code)
	require.Contains(t, stderr, "2 of 3 pairs of intervals disprove each other")
}

// TestMatrix_ANodeThatIsDown is unknown, and no bad answer.
func TestMatrix_ANodeThatIsDown(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	code, o, stderr := matrixOf(t, peer(t, 0, 0), peer(t, 0, 0), gone.URL, "--limit", "20s")
	require.Zero(t, code, stderr)
	require.Equal(t, []string{"healthy", "healthy", "unknown"}, verdictsOf(o))
	require.Contains(t, *o.Nodes[2].Reason, "refused")
	require.Nil(t, o.Nodes[2].Status)

	code, o, stderr = matrixOf(t, peer(t, 0, 0), gone.URL)
	require.Equal(t, exitBad, code)
	require.Equal(t, "unreachable", o.Error.Code)
	require.Contains(t, stderr, "no two peers have an interval")
}

// TestPeer_IsStrict: what is missing or does not fit is a node without an interval, with the reason.
func TestPeer_IsStrict(t *testing.T) {
	good := `{"schema":"clockctl/v1","read_at":"2026-11-23T07:36:45.35Z","interval":{"earliest":"2026-11-23T07:36:45.34Z","latest":"2026-11-23T07:36:45.36Z","uncertainty_ns":10000000},"status":"synchronized"}`
	a, err := understandPeer([]byte(good))
	require.NoError(t, err)
	require.True(t, a.node.Known)
	for want, body := range map[string]string{
		"not JSON":                        "<html>",
		"too long":                        strings.Repeat(" ", largestAnswer) + good,
		`the schema is "clockctl/v2"`:     strings.Replace(good, "v1", "v2", 1),
		"neither an interval nor an":      `{"schema":"clockctl/v1"}`,
		"read_at is missing":              strings.Replace(good, "read_at", "red_at", 1),
		"is no moment from 1970 to 2099":  strings.Replace(good, "2026", "1066", 1),
		`"soon" is no moment`:             strings.Replace(good, "2026-11-23T07:36:45.34Z", "soon", 1),
		"the interval is inverted":        strings.Replace(good, "45.34Z", "46Z", 1),
		"4 of 9 share a point":            `{"schema":"clockctl/v1","read_at":null,"interval":null,"status":"unsynchronized","error":{"code":"no_quorum","message":"4 of 9 share a point"}}`,
		"cannot unmarshal array into Go ": "[]",
	} {
		_, o, _ := matrixOf(t, peer(t, 0, 0), saying(t, http.StatusServiceUnavailable, func() string { return body }))
		require.Contains(t, *o.Nodes[1].Reason, want)
		require.Equal(t, "unknown", o.Pairs[0].State)
	}
}

func TestPeerURL_Forms(t *testing.T) {
	for name, want := range map[string]string{
		"node1": "http://node1:10123/api/v1/interval", "node1:80": "http://node1:80/api/v1/interval", "::1": "http://[::1]:10123/api/v1/interval",
		"[::1]": "http://[::1]:10123/api/v1/interval", "[::1]:9": "http://[::1]:9/api/v1/interval", "https://node1/clock/": "https://node1/clock/api/v1/interval",
	} {
		got, err := peerURL(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "ftp://node1", "http://", "http://node1/?q", "http://me:secret@node1", "a b"} {
		_, err := peerURL(bad)
		require.Error(t, err, bad)
	}
}
