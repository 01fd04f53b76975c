package plot

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("plot.update", false, "write the golden files of testdata anew")

// noon is a moment for pictures.
var noon = float64(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).Unix())

// band is a series that saws around a slope, in two runs.
func band(name string, n int) Series {
	s := Series{Name: name}
	for i := range n {
		x, y := noon+float64(i*30), 2e-4*math.Sin(float64(i)/3)+1e-6*float64(i)
		half := 5e-4 + 1e-4*float64(i%4)
		s.Points = append(s.Points, Point{X: x, Y: y, Low: y - half, High: y + half, Run: i / (n/2 + 1)})
	}
	return s
}

func slope(name string) Series {
	s := Series{Name: name}
	for i := range 8 {
		y := 1e-6 / math.Pow(2, float64(i))
		s.Points = append(s.Points, Point{X: math.Pow(2, float64(i)), Y: y, Low: y, High: y})
	}
	return s
}

func figures() []Figure {
	return []Figure{
		{
			Title: "Offset of the wall clock", Notes: []string{"±1 ms & more <here>"}, X: Axis{"UTC", Moments}, Y: Axis{"↑ slow, fast ↓", Seconds},
			Series: []Series{band("one", 40), band("two", 7)}, Lines: []Line{{"1 ppm slow", noon, 0, noon + 1200, 1.2e-3}},
		},
		{Title: "Allan deviation", X: Axis{"τ, s", Log}, Y: Axis{"deviation", Log}, Series: []Series{slope("one")}},
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// wellFormed parses a document to its end.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, text)
	}
}

func TestGolden(t *testing.T) {
	golden(t, "figures.svg", SVG(640, 300, figures()...))
	golden(t, "offset.txt", Terminal(80, 20, figures()[0]))
	golden(t, "allan.txt", Terminal(50, 12, figures()[1]))
}

func TestSVG_IsWellFormed(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, f := range map[string]Figure{
		"nothing":                             {},
		"no points":                           {Series: []Series{{Name: "empty"}}},
		"one point":                           {X: Axis{Kind: Moments}, Y: Axis{Kind: Seconds}, Series: []Series{{Points: []Point{{X: noon, Y: 1, Low: 0, High: 2}}}}},
		"not a number":                        {Series: []Series{{Points: []Point{{nan, 1, 1, 1, 0}, {1, inf, 1, 1, 0}, {1, 1, -inf, nan, 0}}}}},
		"a logarithm of what has none":        {X: Axis{Kind: Log}, Y: Axis{Kind: Log}, Series: []Series{{Points: []Point{{0, 1, 1, 1, 0}, {1, -1, 1, 1, 0}, {1, 0, 0, 0, 0}}}}},
		"one value":                           {X: Axis{Kind: Log}, Y: Axis{Kind: Log}, Series: []Series{{Points: []Point{{1, 1, 1, 1, 0}, {1, 1, 1, 1, 0}}}}},
		"a flat zero":                         {Y: Axis{Kind: Seconds}, Series: []Series{{Points: []Point{{1, 0, 0, 0, 0}, {2, 0, 0, 0, 0}}}}},
		"huge numbers with a tiny difference": {Series: []Series{{Points: []Point{{1e18, 1e18, 1e18, 1e18 + 256, 0}, {1e18 + 256, 1e18, 1e18, 1e18, 0}}}}},
		"all ages":                            {X: Axis{Kind: Moments}, Series: []Series{{Points: []Point{{-6e10, 1, 1, 1, 0}, {2.5e11, 2, 2, 2, 0}}}}},
		"a second":                            {X: Axis{Kind: Moments}, Series: []Series{{Points: []Point{{noon, 1, 1, 1, 0}, {noon + 0.9, 2, 2, 2, 0}}}}},
		"a script":                            {Title: "<script>alert(1)</script>", Notes: []string{"]]>\x00\x1b[2J\xff\" '"}, Series: []Series{{Name: "</svg>"}, {Name: "&"}}, Lines: []Line{{Name: "<"}}},
	} {
		text := SVG(400, 200, f)
		wellFormed(t, text)
		require.NotContains(t, text, "NaN", name)
		require.NotContains(t, text, "Inf", name)
		require.NotContains(t, text, "<script", name)
		require.NotContains(t, text, "\x1b", name)
		require.Less(t, len(text), 20_000, name)
		require.NotContains(t, Terminal(40, 10, f), "\x1b", name)
	}
}

// TestHTML_NeedsNothingElse: no script, no address but the name of the SVG format, and XML
// as well.
func TestHTML_NeedsNothingElse(t *testing.T) {
	page := HTML("How wrong <it> was", []string{"±1 ms & <more>", "\x1b[2J"}, 640, 300, figures()...)
	body, ok := strings.CutPrefix(page, "<!DOCTYPE html>\n")
	require.True(t, ok)
	wellFormed(t, body)
	require.NotContains(t, page, "<script")
	require.NotRegexp(t, `(src|href)=|@import|url\((?:[^#])`, page)
	require.Equal(t, []string{"http://www.w3.org/2000/svg"}, regexp.MustCompile(`https?://[^"\s]*`).FindAllString(page, -1))
}

// TestSVG_ThousandsOfPointsStaySmall.
func TestSVG_ThousandsOfPointsStaySmall(t *testing.T) {
	f := Figure{Y: Axis{Kind: Seconds}, Series: []Series{band("many", 100_000)}}
	require.Less(t, len(SVG(960, 400, f)), 100_000)
	for i := range f.Series[0].Points {
		f.Series[0].Points[i].Run = i / 2 // gaps everywhere
	}
	require.Less(t, len(SVG(960, 400, f)), 300_000)
}

// drawn is the band of merged points at x, as straight edges between neighbours of a run
// give it.
func drawn(merged []Point, x float64, run int) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i, b := range merged {
		a := b
		if i > 0 && merged[i-1].Run == b.Run {
			a = merged[i-1]
		}
		if b.Run != run || x < a.X || x > b.X {
			continue
		}
		along := 0.0
		if b.X > a.X {
			along = (x - a.X) / (b.X - a.X)
		}
		low, high = min(low, a.Low+along*(b.Low-a.Low)), max(high, a.High+along*(b.High-a.High))
	}
	return low, high
}

// TestReduce_TheBandIsNeverNarrower, at no point of any kind of series: bursts, pauses,
// spikes, gaps.
func TestReduce_TheBandIsNeverNarrower(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		var points []Point
		x, run := noon, 0
		for range 2000 {
			x += random.ExpFloat64() * math.Pow(10, float64(random.IntN(4)))
			if random.IntN(100) == 0 {
				run++
			}
			y, half := random.NormFloat64(), math.Exp(3*random.NormFloat64())
			points = append(points, Point{X: x, Y: y, Low: y - half, High: y + half, Run: run})
		}
		merged := reduce(points, 100)
		require.LessOrEqual(t, len(merged), 2*(50+run+2), "seed %d", seed)
		for _, p := range points {
			low, high := drawn(merged, p.X, p.Run)
			require.LessOrEqual(t, low, p.Low+1e-9, "seed %d: %v", seed, p)
			require.GreaterOrEqual(t, high, p.High-1e-9, "seed %d: %v", seed, p)
		}
	}
}

// TestReduce_HasAnEnd for moments that are all the same, and for runs of one point each.
func TestReduce_HasAnEnd(t *testing.T) {
	same, lone := make([]Point, 5000), make([]Point, 5000)
	for i := range same {
		same[i] = Point{X: noon, Low: -float64(i), High: 1}
		lone[i] = Point{X: noon + float64(i), Low: -1, High: 1, Run: i}
	}
	require.Equal(t, []Point{{noon, 0, -4999, 1, 0}, {noon, 0, -4999, 1, 0}}, reduce(same, 100))
	require.LessOrEqual(t, len(reduce(lone, 100)), 102)
}

// TestSVG_AnEdgeThatLeavesThePictureKeepsItsSlope: cut at the frame it would run inside
// of where it is.
func TestSVG_AnEdgeThatLeavesThePictureKeepsItsSlope(t *testing.T) {
	f := Figure{Series: []Series{{Points: []Point{{X: 0, Low: -1, High: 1}, {X: 1, Low: -1, High: 1}, {X: 2, Low: -1, High: 101}}}}}
	for i := range 200 {
		f.Series[0].Points = append(f.Series[0].Points, Point{X: 3 + float64(i), Low: -1, High: 1})
	}
	d := drawing{Builder: &strings.Builder{}, figure: f, w: f.window(), width: 400, height: 300}
	require.Less(t, d.w.y.high, 2.0)
	require.InEpsilon(t, 50, (d.y(1)-d.y(101))/(d.y(-1)-d.y(1)), 1e-9)
}

// TestMarks are drawn where they belong, with their name, and not outside.
func TestMarks(t *testing.T) {
	f := figures()[0]
	plain := Terminal(80, 20, f)
	f.Marks = []Mark{{"a new <epoch>", noon + 600}, {"before it all", noon - 1e6}}
	text := SVG(400, 300, f)
	wellFormed(t, text)
	require.Equal(t, 1, strings.Count(text, `<line class="m"`))
	require.Contains(t, text, "<title>a new &lt;epoch&gt;</title>")
	require.NotEqual(t, plain, Terminal(80, 20, f))
}

// TestWindow_TheFirstWideIntervalsDoNotFlattenTheRest, and the picture says so.
func TestWindow_TheFirstWideIntervalsDoNotFlattenTheRest(t *testing.T) {
	f := Figure{Y: Axis{Kind: Seconds}, Series: []Series{band("s", 200)}}
	f.Series[0].Points[0].High = 1
	require.Less(t, f.window().y.high, 0.01)
	require.Equal(t, 1, f.window().outside)
	require.Contains(t, SVG(400, 300, f), "1 points reach beyond the picture")
}

// TestLegend_OfManySeriesStaysSmall.
func TestLegend_OfManySeriesStaysSmall(t *testing.T) {
	f := Figure{}
	for range 500 {
		f.Series = append(f.Series, Series{Name: "one of many"})
	}
	text := SVG(400, 300, f)
	require.Equal(t, 6, strings.Count(text, "one of many"))
	require.Contains(t, text, "and 494 more")
}

func TestTicks(t *testing.T) {
	texts := func(s scale, n int) (list []string) {
		for _, tick := range s.ticks(n) {
			require.GreaterOrEqual(t, tick.at, s.low)
			require.LessOrEqual(t, tick.at, s.high)
			list = append(list, tick.text)
		}
		return list
	}
	require.Equal(t, []string{"-1", "0", "1"}, texts(newScale(Seconds, -1.2e-3, 1.4e-3, 0), 3))
	require.Equal(t, []string{"0.5", "1.0", "1.5"}, texts(newScale(Linear, 0.2, 1.7, 0), 3))
	require.Equal(t, []string{"12:00", "12:15", "12:30", "12:45", "13:00"}, texts(newScale(Moments, noon, noon+3600, 0), 4))
	require.Equal(t, []string{"2026-11-26", "2026-11-27", "2026-11-28"}, texts(newScale(Moments, noon, noon+3*86400, 0), 3))
	require.Equal(t, []string{"1e-6", "1e-5", "1e-4"}, texts(newScale(Log, 2e-6, 9e-5, 0), 5))
	require.Equal(t, []string{"00.000", "00.500", "01.000"}, texts(newScale(Moments, noon, noon+1, 0), 3))
}

// TestTerminal_FitsItsWidth, whatever that is.
func TestTerminal_FitsItsWidth(t *testing.T) {
	for _, columns := range []int{24, 40, 80, 200} {
		for i, f := range figures() {
			lines := strings.Split(strings.TrimRight(Terminal(columns, 20, f), "\n"), "\n")
			require.LessOrEqual(t, len(lines), 21, "figure %d", i)
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), columns, "%q", line)
			}
		}
	}
	require.NotEmpty(t, Terminal(-1, -1, figures()[0]))
}
