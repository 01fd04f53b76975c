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
	Marks  []Mark
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

// Mark is a moment at which something happened.
type Mark struct {
	Name string
	X    float64
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

// mostPoints of a series are drawn, two for each column of a picture.
const mostPoints = 1800

// window chooses what is shown: all of x, and of y what holds nearly all limits, so that
// the first wide intervals do not flatten the rest.
func (f Figure) window() window {
	var w window
	var xs, ys []float64
	var all [][]Point
	for _, s := range f.Series {
		points := f.finite(s)
		all = append(all, points)
		w.series = append(w.series, reduce(points, mostPoints))
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
	for _, points := range all {
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

// reduce merges neighbours of one run that share one of n/2 columns, if there are more
// than n points. What is merged becomes a box, from the first to the last moment and as high
// as all limits, so that no band is drawn narrower than it is. If there are more runs than
// columns, gaps narrower than a column are closed.
func reduce(points []Point, n int) []Point {
	if len(points) <= n {
		return points
	}
	first, last, runs := points[0].X, points[0].X, 1
	for i, p := range points {
		first, last = min(first, p.X), max(last, p.X)
		if i > 0 && p.Run != points[i-1].Run {
			runs++
		}
	}
	column := func(p Point) int { return int((p.X - first) / max(last-first, 1e-9) * float64(n/2)) }
	var out []Point
	for len(points) > 0 {
		k := 1
		for k < len(points) && column(points[k]) == column(points[0]) && (points[k].Run == points[0].Run || runs > n/2) {
			k++
		}
		out, points = append(out, box(points[:k])...), points[k:]
	}
	return out
}

// box has the limits of all its points, from the first to the last.
func box(points []Point) []Point {
	left, right := points[0], points[0]
	y := 0.0
	for _, p := range points {
		left.X, right.X = min(left.X, p.X), max(right.X, p.X)
		left.Low, left.High = min(left.Low, p.Low), max(left.High, p.High)
		y += p.Y / float64(len(points))
	}
	if len(points) == 1 {
		return points
	}
	left.Y, right.Y, right.Low, right.High = y, y, left.Low, left.High
	return []Point{left, right}
}
