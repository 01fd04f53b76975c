package plot

import (
	"math"
	"slices"
)

// Figure is one diagram.
type Figure struct {
	Title  string
	Notes  []string // lines below the title
	X, Y   Axis
	Series []Series
	Lines  []Line
}

// Axis says what one direction means.
type Axis struct {
	Label string
	Kind  Kind
}

// Kind is how values are written along an axis.
type Kind int

// The kinds of axes.
const (
	Linear  Kind = iota
	Seconds      // written as ns, µs, ms or s
	Moments      // unix seconds, written as UTC
	Log          // decades; values that are not positive are left out
)

// Series is drawn as one line with a band around it. What is not finite is left out.
type Series struct {
	Name   string
	Points []Point
}

// Point is one value with the limits between which it lies. No line is drawn between
// points of different runs.
type Point struct {
	X, Y, Low, High float64
	Run             int
}

// Line is a straight one, such as a fit, on linear axes.
type Line struct {
	Name           string
	X1, Y1, X2, Y2 float64
}

// finite returns the points that can be drawn.
func (f Figure) finite(s Series) []Point {
	ok := func(v float64, k Kind) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && (k != Log || v > 0) }
	return slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool {
		return !ok(p.X, f.X.Kind) || !ok(p.Y, f.Y.Kind) || !ok(p.Low, f.Y.Kind) || !ok(p.High, f.Y.Kind)
	})
}

// window is what of the plane is shown.
type window struct {
	x, y    scale
	series  [][]Point
	outside int // points whose band is cut
}

// mostPoints of a series are drawn: more than a screen has columns.
const mostPoints = 1200

// window chooses what is shown: all of x, and of y what holds nearly all limits, so that
// the first wide intervals do not flatten the rest.
func (f Figure) window() window {
	var w window
	var xs, ys []float64
	for _, s := range f.Series {
		points := reduce(f.finite(s), mostPoints)
		w.series = append(w.series, points)
		for _, p := range points {
			xs, ys = append(xs, p.X), append(ys, p.Low, p.High)
		}
	}
	if len(xs) == 0 {
		xs, ys = []float64{1, 10}, []float64{1, 10} // empty axes
	}
	w.x = newScale(f.X.Kind, slices.Min(xs), slices.Max(xs), 0)
	low, high := bulk(ys, f.Y.Kind)
	w.y = newScale(f.Y.Kind, low, high, 0.06)
	for _, points := range w.series {
		for _, p := range points {
			if p.Low < w.y.low || p.High > w.y.high {
				w.outside++
			}
		}
	}
	return w
}

// bulk is the range of all values, or of the middle 96 % where the others would make it
// more than twice as wide.
func bulk(values []float64, kind Kind) (low, high float64) {
	slices.Sort(values)
	n := len(values)
	low, high = values[0], values[n-1]
	cut := n / 50
	inner := [2]float64{values[cut], values[n-1-cut]}
	if kind != Log && inner[1] > inner[0] && high-low > 2*(inner[1]-inner[0]) {
		return inner[0], inner[1]
	}
	return low, high
}

// reduce merges neighbours of one run until at most about n points are left. A merged
// point has the limits of all.
func reduce(points []Point, n int) []Point {
	if len(points) <= n {
		return points
	}
	size := (len(points) + n - 1) / n
	var out []Point
	for len(points) > 0 {
		k := 1
		for k < size && k < len(points) && points[k].Run == points[0].Run {
			k++
		}
		merged := points[0]
		merged.X, merged.Y = 0, 0
		for _, p := range points[:k] {
			merged.X, merged.Y = merged.X+p.X/float64(k), merged.Y+p.Y/float64(k)
			merged.Low, merged.High = min(merged.Low, p.Low), max(merged.High, p.High)
		}
		out, points = append(out, merged), points[k:]
	}
	return out
}
