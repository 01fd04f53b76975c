package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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

// TestPeer_Hostile: each is a node of which nothing is known, with the reason on one line, and the
// others are compared all the same.
func TestPeer_Hostile(t *testing.T) {
	good := peer(t, 0, 0)
	behaves := func(handler http.HandlerFunc) string {
		s := httptest.NewServer(handler)
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, row := range []struct {
		name, peer, want string
	}{
		{"steers the terminal", saying(t, http.StatusServiceUnavailable, func() string {
			return `{"schema":"clockctl/v1","status":"\u001b[1m","error":{"code":"x","message":"\u001b[2Jno\nnode4\thealthy"}}`
		}), "unknown: \uFFFD[2Jno\uFFFDnode4\uFFFDhealthy\n"},
		{"talks without an end", saying(t, http.StatusServiceUnavailable, func() string {
			return `{"schema":"clockctl/v1","error":{"code":"x","message":"` + strings.Repeat("é", 100_000) + `"}}`
		}), "unknown: " + strings.Repeat("é", 300) + "…\n"},
		{"sends us to another node", behaves(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, good+"/api/v1/interval", http.StatusTemporaryRedirect)
		}), "unknown: the answer (307 Temporary Redirect) sends us to"},
		{"a gigabyte", behaves(func(w http.ResponseWriter, _ *http.Request) {
			for block := make([]byte, 1<<20); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}), "unknown: the answer is too long\n"},
		{"a byte now and then", behaves(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), "unknown: no answer within 3s\n"},
		{"no HTTP", behaves(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("SSH-2.0-\x1b[31m\r\n"))
				_ = conn.Close()
			}
		}), `unknown: net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0-\x1b[31m"` + "\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			timeout := "30s"
			if strings.Contains(row.want, "no answer within 3s") {
				timeout = "3s"
			}
			code, stdout, stderr := invoke(t.Context(), "matrix", "--limit", "1h", "--timeout", timeout, good, peer(t, 0, 0), row.peer)
			require.Zero(t, code, stderr)
			require.Empty(t, stderr)
			require.Contains(t, stdout, row.want)
			require.Equal(t, 4, strings.Count(stdout, "\n"), stdout)
			require.Equal(t, 2, strings.Count(stdout, "  healthy\n"), stdout)
			require.NotContains(t, stdout, "\x1b")
		})
	}
}

func TestPeerURL_Forms(t *testing.T) {
	for name, want := range map[string]string{
		"node1": "http://node1:10123/api/v1/interval", "node1:80": "http://node1:80/api/v1/interval", "::1": "http://[::1]:10123/api/v1/interval",
		"[::1]": "http://[::1]:10123/api/v1/interval", "[::1]:9": "http://[::1]:9/api/v1/interval", "https://node1/clock/": "https://node1:443/clock/api/v1/interval",
		"fe80::1%eth0": "http://[fe80::1%25eth0]:10123/api/v1/interval",
	} {
		got, err := peerURL(name)
		require.NoError(t, err, name)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "ftp://node1", "http://", "http://node1/?q", "http://me:secret@node1", "a b", "a/b", "a:", ":80", "a:0", "a:65536", "a:http", "[::1", "http://a:0", "http://a:x", "http://[::1"} {
		_, err := peerURL(bad)
		require.Error(t, err, bad)
	}
}

// TestMatrix_NoNodeHasTwoVotes: the same address in another spelling is the same node.
func TestMatrix_NoNodeHasTwoVotes(t *testing.T) {
	for _, same := range [][2]string{
		{"node1", "NODE1"}, {"node1", "node1:10123"}, {"node1", "http://node1:10123/"}, {"http://node1", "node1:80"}, {"https://node1", "https://node1:443/"},
		{"::1", "[0:0:0:0:0:0:0:1]:10123"}, {"127.0.0.1", "::ffff:127.0.0.1"}, {"node1:80", "node1:080"}, {"http://node1?", "http://node1/"},
	} {
		code, _, stderr := invoke(t.Context(), "matrix", same[0], same[1], "node3")
		require.Equal(t, exitUsage, code, same)
		require.Contains(t, stderr, "is named twice", same)
	}
}

// TestPassword_IsNotTold: what a check prints is on a monitoring page.
func TestPassword_IsNotTold(t *testing.T) {
	for _, line := range []string{
		"check --from http://me:s3cret@127.0.0.1:1", "check --from http://me:s3%cret@127.0.0.1:1", "check --from ftp://me:s3cret@a", "check -o json --from http://me:s3cret@127.0.0.1:1",
		"matrix http://me:s3cret@a b", "matrix http://me:s3@cret@a b",
	} {
		code, stdout, stderr := invoke(t.Context(), strings.Fields(line)...)
		require.NotZero(t, code)
		require.NotContains(t, stdout+stderr, "cret", line)
		require.Contains(t, stderr, "://…@", line)
	}
}
