package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// serveOn runs clockctl serve in this process until the end of the test, or until stop is
// called, which returns the exit code. url has no slash at its end.
func serveOn(t *testing.T, args ...string) (url string, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	read, write := io.Pipe()
	code := make(chan int, 1)
	var words strings.Builder
	go func() {
		code <- run(ctx, append([]string{"serve"}, args...), streams{in: strings.NewReader(""), out: write, err: &words, getenv: func(string) string { return "" }})
		_ = write.Close()
	}()
	stop = func() int {
		cancel(&interruptedError{signal: os.Interrupt})
		ended := <-code
		code <- ended
		return ended
	}
	t.Cleanup(func() { stop(); http.DefaultClient.CloseIdleConnections() })
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		stop()
		require.NoError(t, err, words.String())
	}
	return strings.TrimSuffix(line, "/\n"), stop
}

// invokeOnce is invoke, but a serve ends with the line that it prints.
func invokeOnce(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	if args[0] != "serve" {
		return invoke(ctx, args...)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	out := &lastWords{stop: func() { cancel(&interruptedError{signal: os.Interrupt}) }}
	var words strings.Builder
	code = run(ctx, args, streams{in: strings.NewReader(""), out: out, err: &words, getenv: func(string) string { return "" }})
	return code, out.String(), words.String()
}

// lastWords stops the command that writes.
type lastWords struct {
	strings.Builder
	stop func()
}

func (l *lastWords) Write(b []byte) (int, error) {
	l.stop()
	return l.Builder.Write(b)
}

// onFreePort are the flags of every serve in tests.
var onFreePort = []string{"--listen", "127.0.0.1:0", "-i", "20ms"}

func servers(t *testing.T, configs ...fleet.Config) (addresses []string) {
	for _, c := range configs {
		addresses = append(addresses, startServer(t, c))
	}
	return addresses
}

func getFrom(t *testing.T, url string) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, body
}

// untilReady waits for an interval.
func untilReady(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, func() bool { code, _ := getFrom(t, url+"/readyz"); return code == http.StatusOK }, 20*time.Second, 5*time.Millisecond)
}

// keysOf returns the names of an object in their order.
func keysOf(t *testing.T, text []byte) (names []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	_, err := d.Token()
	require.NoError(t, err)
	for d.More() {
		name, err := d.Token()
		require.NoError(t, err)
		names = append(names, name.(string))
		var value json.RawMessage
		require.NoError(t, d.Decode(&value))
	}
	return names
}

// TestServe_TheObjectsAreThoseOfNowAndProbe, key by key; the interval has two more.
func TestServe_TheObjectsAreThoseOfNowAndProbe(t *testing.T) {
	fleet := servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{}, fleet.Config{Offset: 250 * time.Millisecond})
	url, stop := serveOn(t, append(onFreePort, fleet...)...)
	untilReady(t, url)
	_, now, _ := invoke(t.Context(), append([]string{"now", "-o", "json", "-n", "1"}, fleet...)...)
	code, interval := getFrom(t, url+"/api/v1/interval")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, append(keysOf(t, []byte(now)), "offset_ns", "sources_total"), keysOf(t, interval))
	_, probe, _ := invoke(t.Context(), append([]string{"probe", "-o", "json", "-n", "1"}, fleet...)...)
	code, sources := getFrom(t, url+"/api/v1/sources")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, keysOf(t, []byte(probe)), keysOf(t, sources))
	checkSchema(t, "serve-interval.json", interval)
	checkSchema(t, "probe.json", sources)

	var o serveIntervalJSON
	require.NoError(t, json.Unmarshal(interval, &o))
	require.Equal(t, 4, o.SourcesTotal)
	require.Equal(t, "synchronized", o.Status)
	at := func(text string) int64 {
		moment, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		return moment.UnixNano()
	}
	earliest, latest, read := at(o.Interval.Earliest), at(o.Interval.Latest), at(*o.ReadAt)
	require.LessOrEqual(t, earliest, read, "the servers serve the wall clock")
	require.GreaterOrEqual(t, latest, read)
	require.InDelta(t, (earliest+latest)/2-read, *o.Offset, 1)
	require.Zero(t, stop(), "a signal is how it ends")
}

// TestServe_NoInterval: the object says why, with 503.
func TestServe_NoInterval(t *testing.T) {
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{Reply: fleet.Silent}, fleet.Config{}, fleet.Config{Reply: fleet.Silent})...)...)
	var o serveIntervalJSON
	require.Eventually(t, func() bool {
		code, text := getFrom(t, url+"/api/v1/interval")
		o = serveIntervalJSON{}
		require.NoError(t, json.Unmarshal(text, &o))
		checkSchema(t, "serve-interval.json", text)
		return code == http.StatusServiceUnavailable && o.Error.Code == "no_quorum"
	}, 20*time.Second, 5*time.Millisecond)
	require.Nil(t, o.Interval)
	require.Nil(t, o.Offset)
	require.Equal(t, 3, o.SourcesTotal)
	require.Equal(t, "unsynchronized", o.Status)
	require.Zero(t, o.Agreed)
	code, text := getFrom(t, url+"/api/v1/sources")
	require.Equal(t, http.StatusOK, code)
	checkSchema(t, "probe.json", text)
	require.Contains(t, string(text), `"state":"rejected","reason":"no_quorum"`)
	code, text = getFrom(t, url+"/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, string(text), "no interval: no quorum: ")
}

// TestServe_Metrics: what is served names the build and passes the linter.
func TestServe_Metrics(t *testing.T) {
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	code, text := getFrom(t, url+"/metrics")
	require.Equal(t, http.StatusOK, code)
	for _, want := range []string{"clockctl_build_info{version=", "clockctl_offset_seconds ", "clockctl_uncertainty_seconds ", "clockctl_agreed_sources ", `ntpprobe_packets_total{result="accepted",source="127.0.0.1:`} {
		require.Contains(t, string(text), want)
	}
	problems, err := promlint.New(strings.NewReader(string(text))).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestServe_Events: an event has what the two objects have, the forecast, and only grows with it.
func TestServe_Events(t *testing.T) {
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/v1/events", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	var o liveJSON
	data := []byte(strings.TrimPrefix(lines.Text(), "data: "))
	require.NoError(t, json.Unmarshal(data, &o))
	checkSchema(t, "serve-event.json", data)
	require.Len(t, *o.Sources, 3)
	require.NotNil(t, o.Basis)
	require.Positive(t, *o.Expires)
	last := int64(0)
	for _, f := range o.Forecast[:3] {
		require.Greater(t, *f.Uncertainty, last)
		last = *f.Uncertainty
	}
	require.Equal(t, int64(time.Hour), o.Forecast[3].After)
	require.Nil(t, o.Forecast[3].Uncertainty, "a bound is good for an hour after its samples, and they are older than that")
}

// TestForecast_FollowsTheLines: 1 ms, and what ±200 ppm add.
func TestForecast_FollowsTheLines(t *testing.T) {
	b := truetime.Bound{
		At:       truetime.Reading{Nanos: 0, Epoch: 1},
		Earliest: truetime.Line{Nanos: -1e6, SlopePPB: -200_000}, Latest: truetime.Line{Nanos: 1e6, SlopePPB: 200_000},
		Expires: int64(30 * time.Minute), Generation: 1,
	}
	list := holdover(b, b.At)
	require.Equal(t, int64(13*time.Millisecond), *list[0].Uncertainty)
	require.Equal(t, int64(121*time.Millisecond), *list[1].Uncertainty)
	require.Equal(t, int64(361*time.Millisecond), *list[2].Uncertainty, "the last moment it is good for")
	require.Nil(t, list[3].Uncertainty)
}

// TestServe_ListensOnLoopback unless it is told otherwise, and then it warns.
func TestServe_ListensOnLoopback(t *testing.T) {
	require.Equal(t, defaultListen, newServe(streams{}).Flags().Lookup("listen").DefValue)
	require.True(t, strings.HasPrefix(defaultListen, "127.0.0.1:"))
}

// TestServe_WhereItListens: 0.0.0.0 is IPv4 alone, what it must be asked for is told on stderr, and a port that is taken says so.
func TestServe_WhereItListens(t *testing.T) {
	require.Equal(t, "tcp4", serving{listen: "0.0.0.0:1"}.network())
	for _, other := range []string{"[::]:1", "localhost:1", "127.0.0.1:1"} {
		require.Equal(t, "tcp", serving{listen: other}.network())
	}
	server := startServer(t, fleet.Config{})
	code, stdout, stderr := invokeOnce(t.Context(), "serve", "--listen", "0.0.0.0:0", server)
	require.Zero(t, code)
	require.Regexp(t, `^http://0\.0\.0\.0:\d+/\n$`, stdout)
	require.Regexp(t, `^clockctl: serve: warning: \S+ can be reached from other machines`, stderr)
	code, stdout, stderr = invokeOnce(t.Context(), "serve", "--listen", "[::1]:0", server)
	if code == 0 { // there is IPv6
		require.Regexp(t, `^http://\[::1\]:\d+/\n$`, stdout)
		require.Empty(t, stderr)
	}
	url, _ := serveOn(t, append(onFreePort, server)...)
	code, _, stderr = invokeOnce(t.Context(), "serve", "--listen", strings.TrimPrefix(url, "http://"), server)
	require.Equal(t, exitBad, code)
	require.Contains(t, stderr, "is another serve running? choose another port with --listen")
}

// TestServe_CalledByAForeignName: a site that points its name at 127.0.0.1 may not read, unless the name was allowed.
func TestServe_CalledByAForeignName(t *testing.T) {
	url, _ := serveOn(t, append([]string{"--allow-host", "clock.example.net"}, append(onFreePort, closedPort(t))...)...)
	for host, want := range map[string]int{"clock.example.net": http.StatusOK, "evil.example": http.StatusMisdirectedRequest} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/sources", nil)
		require.NoError(t, err)
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, host)
	}
}

// TestNameList_ReadsWhatItPrints: commas, blanks, several times.
func TestNameList_ReadsWhatItPrints(t *testing.T) {
	var l, again nameList
	require.NoError(t, l.Set("a, b,,"))
	require.NoError(t, l.Set("c"))
	require.NoError(t, l.Set(""))
	require.Equal(t, nameList{"a", "b", "c"}, l)
	require.NoError(t, again.Set(l.String()))
	require.Equal(t, l, again)
}

// TestPoll_TheFlagsInThePolicy: public servers are never asked faster than the library allows.
func TestPoll_TheFlagsInThePolicy(t *testing.T) {
	p := probing{}
	policy := p.poll(optionsFor(4, 0, "ntp1.example.net"))
	require.Equal(t, time.Duration(0), policy.MinPoll, "the library's 64 s")
	require.Equal(t, 2*time.Second, policy.BurstInterval)
	policy = p.poll(optionsFor(8, time.Hour, "127.0.0.1:1"))
	require.Equal(t, time.Hour, policy.MinPoll)
	require.Equal(t, time.Hour, policy.MaxPoll)
	require.Equal(t, 100*time.Millisecond, policy.BurstInterval)
	require.Equal(t, 8, policy.Burst)
}

// checkSchema checks an object against a file of docs/schema, which must name every key.
func checkSchema(t *testing.T, name string, text []byte) {
	t.Helper()
	schemas, err := strictSchemas()
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	require.NoError(t, schemas[name].Validate(value), string(text))
}

func optionsFor(samples int, interval time.Duration, names ...string) ntpprobe.MeasureOptions {
	return ntpprobe.MeasureOptions{Servers: ntpprobe.Servers(names...), Samples: samples, Interval: interval, Timeout: time.Second}
}

// TestServe_CheckAsksIt: check --from understands what serve says, with and without an interval.
func TestServe_CheckAsksIt(t *testing.T) {
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	code, stdout, stderr := invoke(t.Context(), "check", "--timeout", "10s", "-w", "1m", "-c", "1h", "--from", url)
	require.Zero(t, code, stderr)
	require.Regexp(t, `^CLOCK OK - .* [23] of 3 sources agree`, stdout)
	url, _ = serveOn(t, append(onFreePort, closedPort(t))...)
	code, stdout, _ = invoke(t.Context(), "check", "--timeout", "10s", "--from", url)
	require.Equal(t, 2, code)
	require.Regexp(t, `^CLOCK CRITICAL - `, stdout)
}
