package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// drawnPage is what a browser makes of the page of plot.
type drawnPage struct {
	Title, Background    string
	Text                 string
	Bands, Lines, Height int
	Fetched              []string
}

const readDrawn = `({Title: document.title, Background: getComputedStyle(document.body).backgroundColor, Text: document.body.innerText,
	Bands: document.querySelectorAll("path.b").length, Lines: document.querySelectorAll("polyline.l").length,
	Height: Math.round(document.querySelector("path.b").getBoundingClientRect().height),
	Fetched: performance.getEntriesByType("resource").map(e => e.name)})`

// TestPlotPage_OpensFromAFile: in a real browser, light and dark, it shows the bands and what
// analyze says, loads nothing, logs nothing, and runs nothing that a recording or a log says.
func TestPlotPage_OpensFromAFile(t *testing.T) {
	dir, script := t.TempDir(), `<script>document.title="owned"</script>`
	hostile := func(name, old, text string) string {
		content, err := os.ReadFile("../../testdata/traces/" + name)
		require.NoError(t, err)
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(content), old, text)), 0o600))
		return path
	}
	recording := hostile("loopback.ndjson", `"made_by":"four`, `"made_by":"\u003cimg src=x onerror=document.title='owned'\u003e four`)
	log := hostile("chrony-measurements.log", " 127.0.9.2 ", " "+script+" ")
	page := filepath.Join(dir, "page.html")
	code, _, stderr := invoke(t.Context(), "plot", "--html", page, recording, log)
	require.Equal(t, 0, code, stderr)

	ctx, heard := browser(t)
	read := func(scheme string) drawnPage {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		require.NoError(t, err)
		_, err = chromedp.Run(ctx, chromedp.Navigate("file://"+page))
		require.NoError(t, err)
		d, err := chromedp.Run(ctx, chromedp.Evaluate[drawnPage](readDrawn))
		require.NoError(t, err)
		return d
	}
	light, dark := read("light"), read("dark")
	require.NotEqual(t, light.Background, dark.Background)
	for _, d := range []drawnPage{light, dark} {
		require.Equal(t, "How wrong the clock was", d.Title)
		require.Empty(t, d.Fetched)
		require.GreaterOrEqual(t, d.Bands, 10, "five traces in two pictures")
		require.GreaterOrEqual(t, d.Lines, 10)
		require.Greater(t, d.Height, 50)
		require.Contains(t, d.Text, script)
		require.Contains(t, d.Text, "onerror=document.title='owned'>")
		require.Contains(t, d.Text, "assumed      1 may lie, drift 200ppm")
	}
	require.Empty(t, heard.all())
}
