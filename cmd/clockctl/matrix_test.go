package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/skew"
)

// peer is a node whose clock is ahead by ahead and which knows the time to a
// millisecond, whatever it says of that; what it believes is wrong by wrong.
func peer(t *testing.T, ahead, wrong time.Duration) string {
	t.Helper()
	return saying(t, http.StatusOK, func() string {
		now := time.Now()
		believed := now.Add(wrong)
		return fmt.Sprintf(`{"schema":"clockctl/v1","read_at":%q,"interval":{"earliest":%q,"latest":%q,"uncertainty_ns":1},"status":"synchronized","agreed":3,"sources_total":3}`,
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

// TestMatrix_BehindSlowNetworks: whatever the ways there and back take, the true skew of two clocks is in its
// range, and honest nodes do not disprove each other.
func TestMatrix_BehindSlowNetworks(t *testing.T) {
	nodes := []struct{ ahead, there, back time.Duration }{
		{0, 0, 0}, {40 * time.Millisecond, 300 * time.Millisecond, 0}, {-40 * time.Millisecond, 0, 300 * time.Millisecond},
		{3 * time.Second, 150 * time.Millisecond, 150 * time.Millisecond}, {-3 * time.Second, 300 * time.Millisecond, 300 * time.Millisecond},
	}
	var peers []string
	for _, n := range nodes {
		peers = append(peers, relay(t, peer(t, n.ahead, 0), n.there, n.back))
	}
	_, o, stderr := matrixOf(t, append(peers, "--limit", "50ms")...)
	require.Len(t, o.Pairs, 10, stderr)
	for _, p := range o.Pairs {
		a, b := nodes[slices.Index(peers, p.A)], nodes[slices.Index(peers, p.B)]
		require.Contains(t, []string{"within", "perhaps", "over"}, p.State, "%+v %+v", a, b)
		skew := int64(a.ahead - b.ahead)
		require.True(t, *p.Min <= skew && skew <= *p.Max, "%d is not from %d to %d", skew, *p.Min, *p.Max)
		require.Less(t, *p.Max-*p.Min, int64(100*time.Millisecond), "what the ways take is no part of it, but what a clock may drift meanwhile: %+v %+v", a, b)
	}
}

// relay is a network that delays requests and answers.
func relay(t *testing.T, to string, there, back time.Duration) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-time.After(there)
		answer, err := http.Get(to + r.URL.Path)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		<-time.After(back)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s.URL
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
	require.Regexp(t, `(?m)^1 http://\S+ +- +\* ≤[^!]* +! ≥(59|60)\.\d+ s +\S+ [mµ]s +healthy$`, stdout)
	require.Regexp(t, `(?m)^3 http://\S+ +! ≥.* +! ≥.* +- +\S+ [mµ]s +evict$`, stdout)
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

// TestHowFar_RoundsAway from what would be wrong.
func TestHowFar_RoundsAway(t *testing.T) {
	for want, p := range map[string]skew.Pair{
		"≤1.001 ms": {State: skew.Within, Min: -5, Max: 1_000_001}, "≤60.01 s": {State: skew.Perhaps, Min: -60_000_000_001, Max: 0},
		"≥60.00 s": {State: skew.Over, Min: 60_009_999_999, Max: 61_000_000_000}, "≥59.99 s": {State: skew.Over, Min: -61_000_000_000, Max: -59_999_999_999},
		"": {State: skew.Disproved},
	} {
		require.Equal(t, want, howFar(p))
	}
}

// TestMatrix_NothingToCompare is never a good answer, whatever the reason.
func TestMatrix_NothingToCompare(t *testing.T) {
	mute := func() string {
		return saying(t, http.StatusOK, func() string { return `{"schema":"clockctl/v1","error":{"code":"x","message":""}}` })
	}
	code, o, stderr := matrixOf(t, mute(), mute())
	require.Equal(t, exitBad, code)
	require.Equal(t, "it has none, and does not say why", *o.Nodes[0].Reason)
	require.Contains(t, stderr, "no two peers have an interval")

	known := skew.Node{Known: true}
	suspended := []peerAnswer{{name: "a", node: known}, {name: "b", node: known}}
	bad := new(badAnswer)
	require.ErrorAs(t, judgeMatrix(suspended, [][]skew.Pair{{{State: skew.Itself}, {State: skew.Unknown}}, {{State: skew.Unknown}, {State: skew.Itself}}}), &bad)
	require.Equal(t, "disrupted", bad.code)
}

// already is a context that a signal has ended.
func already(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptedError{signal: os.Interrupt})
	return ctx
}

// TestMatrix_Interrupted: the matrix is printed, and why a node is unknown.
func TestMatrix_Interrupted(t *testing.T) {
	asked := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer hangs.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-asked; cancel(&interruptedError{signal: os.Interrupt}) }()
	_, object, _ := invoke(already(t), "matrix", "-o", "json", hangs.URL, hangs.URL+"/2")
	require.Contains(t, object, `"error":{"code":"interrupted","message":"interrupted by signal interrupt"}}`)
	code, stdout, stderr := invoke(ctx, "matrix", "--timeout", "1h", peer(t, 0, 0), hangs.URL)
	require.Equal(t, exitInterrupted, code)
	require.Contains(t, stdout, "unknown: interrupted by signal interrupt\n")
	require.Equal(t, "clockctl: matrix: interrupted by signal interrupt\n", stderr)
}
