package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/internal/fleet"
)

// complaints are what a browser's console got.
type complaints struct {
	mu    sync.Mutex
	list  []string
	quiet bool // while the server is down, a refused connection is no complaint
}

func (c *complaints) add(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.quiet || !strings.Contains(text, "net::ERR_") {
		c.list = append(c.list, text)
	}
}

func (c *complaints) expectBreak() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = true
}

// hear reads the console until its context ends.
func (c *complaints) hear(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for m, err := range messages {
		if err != nil {
			return
		}
		if m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning {
			c.add(m.String())
		}
	}
}

func (c *complaints) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// browser opens a page of a headless Chromium.
func browser(t *testing.T) (context.Context, *complaints) {
	t.Helper()
	path := chronyd.RequireProgram(t, "chromium", "chromium")
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true), chromedp.WindowSize(1100, 1000))
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	limited, cancel := context.WithTimeout(allocated, 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(limited)
	t.Cleanup(cancel)
	heard := &complaints{}
	messages := chromedp.Console(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); heard.hear(messages) }()
	t.Cleanup(func() { cancel(); <-ended })
	return ctx, heard
}

// shown is what the page shows at one moment.
type shown struct {
	ReadAt, Uncertainty, Offset, Agreed, Status, Nanos string
	Stale                                              bool
	States                                             []string
	Forecast                                           int
	Band                                               int
}

const readPage = `({ReadAt: document.body.dataset.readAt || "", Uncertainty: uncertainty.textContent, Nanos: uncertainty.dataset.ns || "", Offset: offset_(), Agreed: agreed.textContent,
	Status: document.getElementById("status").textContent, Stale: document.body.classList.contains("stale"),
	States: [...document.querySelectorAll("#sources tr")].map(r => r.dataset.state), Forecast: document.querySelectorAll("#forecast tr").length,
	Band: document.querySelectorAll("#plot .band").length})`

func readShown(ctx context.Context, t *testing.T) shown {
	t.Helper()
	script := strings.Replace(readPage, "offset_()", `document.getElementById("offset").textContent`, 1)
	s, err := chromedp.Run(ctx, chromedp.Evaluate[shown](script))
	require.NoError(t, err)
	return s
}

// untilShown polls the page for a condition.
func untilShown(ctx context.Context, t *testing.T, what string, condition func(shown) bool) (s shown) {
	t.Helper()
	require.Eventually(t, func() bool { s = readShown(ctx, t); return condition(s) }, 30*time.Second, 50*time.Millisecond, what)
	return s
}

// heardEvents collects the events of a serve by their read_at, beside the page.
func heardEvents(t *testing.T, url string) func(readAt string) (liveJSON, bool) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/events", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	var mu sync.Mutex
	events := map[string]liveJSON{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(response.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var o liveJSON
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &o) == nil && o.ReadAt != nil {
				mu.Lock()
				events[*o.ReadAt] = o
				mu.Unlock()
			}
		}
	}()
	t.Cleanup(func() { _ = response.Body.Close(); <-ended })
	return func(readAt string) (liveJSON, bool) {
		mu.Lock()
		defer mu.Unlock()
		o, ok := events[readAt]
		return o, ok
	}
}

// TestPage_InARealBrowser: the page shows the numbers that the API gives, the states of the
// servers, and what comes after a restart of the server; the console stays empty. Pictures of
// both colour schemes go to the directory of artifacts (go test -artifacts).
func TestPage_InARealBrowser(t *testing.T) {
	ctx, heard := browser(t)
	fleet := servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{}, fleet.Config{Offset: 2 * time.Millisecond})
	url, stop := serveOn(t, append(onFreePort, fleet...)...)
	untilReady(t, url)
	event := heardEvents(t, url)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url+"/")))

	var o liveJSON
	s := untilShown(ctx, t, "an event that both heard", func(s shown) (both bool) {
		o, both = event(s.ReadAt)
		return both && s.Status == "synchronized" && s.States[3] == "falseticker"
	})
	require.Equal(t, "±"+humanBound(time.Duration(o.Interval.Uncertainty)), s.Uncertainty)
	require.True(t, strings.HasPrefix(s.Offset, humanOffset(time.Duration(*o.Offset))), "%s, of %d ns", s.Offset, *o.Offset)
	require.Equal(t, "3 of 4 agree, 1 may lie", s.Agreed)
	require.Equal(t, []string{"agreed", "agreed", "agreed", "falseticker"}, s.States)
	require.Equal(t, 4, s.Forecast)
	require.Equal(t, 1, s.Band)
	pastOnThePage(ctx, t, url, o)

	heard.expectBreak()
	require.Zero(t, stop())
	untilShown(ctx, t, "the page says that it is old", func(s shown) bool { return s.Stale })
	again, _ := serveOn(t, append([]string{"--listen", strings.TrimPrefix(url, "http://"), "-i", "20ms"}, fleet...)...)
	require.Equal(t, url, again)
	untilShown(ctx, t, "the page lives again", func(now shown) bool {
		return !now.Stale && now.ReadAt > s.ReadAt && now.Status == "synchronized" && now.Band >= 2
	})
	require.NotEqual(t, picture(ctx, t, "light"), picture(ctx, t, "dark"), "the background follows the user's wish")
	require.Empty(t, heard.all(), "the console")
}

// pastOnThePage: after a reload the page shows what was known before it was there, from the server, and the minutes too.
func pastOnThePage(ctx context.Context, t *testing.T, url string, o liveJSON) {
	t.Helper()
	knownSince(t, url)
	require.NoError(t, chromedp.Do(ctx, chromedp.Reload()))
	evaluates := func(script string) bool {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script))
		return err == nil && is
	}
	require.Eventually(t, func() bool { return evaluates("looks.some((p) => p.at < 0 && p.low !== null)") }, 30*time.Second, 50*time.Millisecond)
	low, high := *o.Offset-o.Interval.Uncertainty, *o.Offset+o.Interval.Uncertainty
	require.True(t, evaluates(fmt.Sprintf("looks.some((p) => p.low !== null && p.low < %d && p.high > %d)", high, low)), "about where the event had it")
	require.True(t, evaluates(`document.querySelectorAll("#views button").item(2).click(); view === "24 h" && minutes.length > 0 && document.querySelectorAll("#plot .band").length > 0`))
	require.True(t, evaluates(`document.querySelector("#views button").click(); view === "15 min"`))
}

// picture writes a screenshot and returns the colour of the background.
func picture(ctx context.Context, t *testing.T, scheme string) (background string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	require.NoError(t, err)
	background, err = chromedp.Run(ctx, chromedp.Evaluate[string]("getComputedStyle(document.body).backgroundColor"))
	require.NoError(t, err)
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	path := filepath.Join(t.ArtifactDir(), "page-"+scheme+".png")
	require.NoError(t, os.WriteFile(path, png, 0o600))
	t.Log(path)
	return background
}

// TestPage_SpanOfTwoMoments leaves out of the second what is the same, and nothing else.
func TestPage_SpanOfTwoMoments(t *testing.T) {
	ctx, _ := browser(t)
	url, _ := serveOn(t, append(onFreePort, closedPort(t))...)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url+"/")))
	for latest, want := range map[string]string{
		"2026-11-23T07:36:45.354073906Z": "07:36:45.353951498Z … 45.354073906Z",
		"2026-11-23T07:37:05.354073906Z": "07:36:45.353951498Z … 07:37:05.354073906Z",
		"2026-11-24T07:36:45.354073906Z": "2026-11-23T07:36:45.353951498Z … 2026-11-24T07:36:45.354073906Z",
	} {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf("span(%q, %q)", "2026-11-23T07:36:45.353951498Z", latest)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestPage_TextThatServersSend is shown as text, were it HTML: here an event is, wherever there is text in one.
func TestPage_TextThatServersSend(t *testing.T) {
	ctx, heard := browser(t)
	url, _ := serveOn(t, append(onFreePort, closedPort(t))...)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url+"/")))
	const event = `(() => { const evil = "<b>x</b><img src=x onerror=alert(1)>"; show({read_at: evil, status: evil, interval: null, agreed: 0, sources_total: 1, faulty_tolerated: null, error: {message: evil}, forecast: [],
		sources: [{address: evil, state: evil, reason: evil, detail: evil, stratum: null, offset_ns: null, error_bound_ns: null, delay_ns: null, budget: null}]});
		return [document.querySelectorAll("b, img").length, document.body.textContent.split(evil).length - 1]; })()`
	counts, err := chromedp.Run(ctx, chromedp.Evaluate[[]int](event))
	require.NoError(t, err)
	require.Zero(t, counts[0])
	require.GreaterOrEqual(t, counts[1], 5, "it is there to be read: status, error, address, reason, detail")
	require.Empty(t, heard.all())
}

// TestPage_NoTextBecomesHTML: nor by any way that its script does not use yet.
func TestPage_NoTextBecomesHTML(t *testing.T) {
	script, err := os.ReadFile("../../internal/serve/page/page.js")
	require.NoError(t, err)
	for _, dangerous := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"} {
		require.NotContains(t, strings.Replace(string(script), `"http://www.w3.org/2000/svg"`, "", 1), dangerous)
	}
}
