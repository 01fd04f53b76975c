package termplot

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Point is the band at one moment: from Low to High, and what is drawn as a line inside it.
// The units are the caller's.
type Point struct {
	At, Low, Middle, High float64
	Gap                   bool // nothing is known here; only At counts
}

// Range is a stretch of an axis.
type Range struct{ From, To float64 }

// Values returns the range of the bands of all points, or that of the newest and of the middle 96 % of all limits
// if the others would make it more than twice as long: the first wide bands shall not flatten the rest.
// It holds zero if that does not make it three times as long: a band far from zero is shown as it
// is, not as a line. It is false if no point has a band.
func Values(points []Point) (Range, bool) {
	var limits []float64
	var newest Point
	for _, p := range points {
		if !p.Gap {
			limits, newest = append(limits, p.Low, p.High), p
		}
	}
	if limits == nil {
		return Range{}, false
	}
	slices.Sort(limits)
	most := len(limits) - 1
	cut := len(limits) / 50
	r := Range{limits[0], limits[most]}
	if bulk := (Range{min(newest.Low, limits[cut]), max(newest.High, limits[most-cut])}); r.To-r.From > 2*(bulk.To-bulk.From) {
		r = bulk
	}
	if r.From == r.To {
		r.From, r.To = r.From-1, r.To+1
	}
	if with := (Range{min(r.From, 0), max(r.To, 0)}); with.To-with.From <= 3*(r.To-r.From) {
		r = with
	}
	return r, true
}

// Band draws points, in the order of their time, as height lines of width cells. Both edges
// and the middle are lines, what is between the edges is dotted, and zero is a dashed line
// where the band is not. Between two neighbours the band is a straight stretch; a gap stays
// empty. Nothing is drawn outside of the two ranges.
//
// With ascii the cells are '|', '.', 'o' and '-', one point high and wide; else braille, whose
// cells are two points wide and four high.
func Band(points []Point, time, values Range, width, height int, ascii bool) []string {
	if width < 1 || height < 1 || !(time.To > time.From) || !(values.To > values.From) {
		return nil
	}
	grid := newGrid(width, height, ascii)
	zero := grid.row(0, values)
	for x := range grid.width {
		middle, low, high, ok := columnAt(points, time, x, grid.width)
		if !ok {
			continue
		}
		top, line, bottom := grid.row(high, values), grid.row(middle, values), grid.row(low, values)
		for y := max(top, 0); y <= min(bottom, grid.height-1); y++ {
			grid.mark(x, y, y == top || y == bottom, y == line)
		}
	}
	if values.From <= 0 && 0 <= values.To {
		grid.dash(zero)
	}
	return grid.lines()
}

// Row returns the line of Band, counted from the top, in which a value lies that is in the range.
func Row(value float64, values Range, height int, ascii bool) int {
	grid := newGrid(1, height, ascii)
	return grid.row(value, values) * height / grid.height
}

// columnAt is the hull of the band over one column, and the last middle in it.
func columnAt(points []Point, time Range, x, width int) (middle, low, high float64, ok bool) {
	step := (time.To - time.From) / float64(width)
	from := time.From + float64(x)*step
	low, high = math.Inf(1), math.Inf(-1)
	take := func(p Point) {
		middle, low, high, ok = p.Middle, min(low, p.Low), max(high, p.High), true
	}
	begin, _ := slices.BinarySearchFunc(points, from, func(p Point, at float64) int { return cmp.Compare(p.At, at) })
	begin = max(begin-1, 0) // from there the band comes in
	for i := begin; i < len(points) && points[i].At <= from+step; i++ {
		p := points[i]
		if p.Gap {
			continue
		}
		if from <= p.At && p.At < from+step || x == width-1 && p.At == time.To {
			take(p)
		}
		if i+1 < len(points) && !points[i+1].Gap && p.At < from+step/2 && from+step/2 < points[i+1].At {
			take(between(p, points[i+1], from+step/2))
		}
	}
	return middle, low, high, ok
}

// between is the straight stretch from p to q, at a moment between them.
func between(p, q Point, at float64) Point {
	share := (at - p.At) / (q.At - p.At)
	mix := func(a, b float64) float64 { return a + share*(b-a) }
	return Point{At: at, Low: mix(p.Low, q.Low), Middle: mix(p.Middle, q.Middle), High: mix(p.High, q.High)}
}

// grid holds points of a plot; its rows count from the top.
type grid struct {
	width, height int
	ascii         bool
	solid, dotted [][]bool
	middle        [][]bool
	dashed        int // a row, or −1
}

func newGrid(width, height int, ascii bool) *grid {
	g := &grid{width: width, height: height, ascii: ascii, dashed: -1}
	if !ascii {
		g.width, g.height = 2*width, 4*height
	}
	g.solid, g.dotted, g.middle = g.blank(), g.blank(), g.blank()
	return g
}

func (g *grid) blank() [][]bool {
	rows := make([][]bool, g.height)
	for y := range rows {
		rows[y] = make([]bool, g.width)
	}
	return rows
}

// row is where a value lies; it may be outside of the grid.
func (g *grid) row(v float64, values Range) int {
	share := (values.To - v) / (values.To - values.From)
	return int(math.Round(max(-1e6, min(share, 1e6)) * float64(g.height-1)))
}

func (g *grid) mark(x, y int, edge, middle bool) {
	g.solid[y][x] = g.solid[y][x] || edge
	g.middle[y][x] = g.middle[y][x] || middle
	g.dotted[y][x] = true
}

func (g *grid) dash(y int) {
	if 0 <= y && y < g.height {
		g.dashed = y
	}
}

func (g *grid) lines() []string {
	if g.ascii {
		return g.asciiLines()
	}
	return g.brailleLines()
}

func (g *grid) asciiLines() (lines []string) {
	for y := range g.height {
		var line strings.Builder
		for x := range g.width {
			switch {
			case g.middle[y][x]:
				line.WriteByte('o')
			case g.solid[y][x]:
				line.WriteByte('|')
			case y == g.dashed:
				line.WriteByte('-')
			case g.dotted[y][x]:
				line.WriteByte('.')
			default:
				line.WriteByte(' ')
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}

// dots are the bits of a braille cell, by row and column (Unicode, block 2800).
var dots = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func (g *grid) brailleLines() []string { return Braille(g.width/2, g.height/4, g.lit) }

// Braille draws height lines of width cells; each cell shows two by four points, those that are lit.
func Braille(width, height int, lit func(x, y int) bool) (lines []string) {
	for top := range height {
		var line strings.Builder
		for left := range width {
			cell := rune(0)
			for y, row := range dots {
				for x, bit := range row {
					if lit(2*left+x, 4*top+y) {
						cell |= bit
					}
				}
			}
			if cell == 0 {
				line.WriteByte(' ')
			} else {
				line.WriteRune(0x2800 + cell)
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}

// lit says whether a point shows: the lines, every second one of the zero line, and every
// fourth point between the edges.
func (g *grid) lit(x, y int) bool {
	switch {
	case g.solid[y][x] || g.middle[y][x]:
		return true
	case y == g.dashed:
		return x%4 < 2
	}
	return g.dotted[y][x] && x%2 == 0 && y%2 == 0
}
