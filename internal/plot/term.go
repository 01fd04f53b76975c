package plot

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/trueclock/trueclock/internal/termplot"
)

// Terminal draws a figure with braille characters, at most columns × rows of them, axes
// included: lines solid, bands as every other dot.
func Terminal(columns, rows int, f Figure) string {
	columns, rows = max(columns, 24), max(rows, 8)
	w := f.window()
	var b strings.Builder
	b.WriteString(termplot.Cut(f.Title, columns) + "\n")
	for _, note := range f.Notes {
		b.WriteString(termplot.Cut(note, columns) + "\n")
	}
	height := max(3, rows-3-len(f.Notes))
	labels, margin := sideLabels(w.y, height)
	c := newCanvas(columns-margin-1, height)
	for _, m := range f.Marks {
		c.mark(w, m)
	}
	for _, points := range w.series {
		c.series(w, points)
	}
	for row, cells := range c.lines() {
		fmt.Fprintf(&b, "%s%s%s\n", pad(labels[row], margin), map[bool]string{true: "┤", false: "│"}[labels[row] != ""], strings.TrimRight(cells, " "))
	}
	b.WriteString(bottomLabels(w.x, margin, c.columns) + "\n")
	b.WriteString(termplot.Cut(strings.Repeat(" ", margin)+w.y.label(f.Y.Label)+"  │  "+w.x.label(f.X.Label), columns) + "\n")
	return b.String()
}

// canvas is a grid of dots, two wide and four high for each character.
type canvas struct {
	columns, rows int
	dots          map[[2]int]bool
}

func newCanvas(columns, rows int) *canvas {
	return &canvas{columns: max(columns, 1), rows: rows, dots: map[[2]int]bool{}}
}

func (c *canvas) set(x, y int) { c.dots[[2]int{x, y}] = true }

func (c *canvas) lines() []string {
	return termplot.Braille(c.columns, c.rows, func(x, y int) bool { return c.dots[[2]int{x, y}] })
}

// mark draws an upright line of dots.
func (c *canvas) mark(w window, m Mark) {
	for y := 0; y < 4*c.rows; y += 2 {
		c.set(c.x(w, m.X), y)
	}
}

func (c *canvas) x(w window, v float64) int { return int(cutTo(w.x.place(v)) * float64(2*c.columns-1)) }

// series draws the dots of each column: between two points it draws straight lines.
func (c *canvas) series(w window, points []Point) {
	y := func(v float64) int { return int((1 - cutTo(w.y.place(v))) * float64(4*c.rows-1)) }
	for i, p := range points {
		from := p
		if i > 0 && points[i-1].Run == p.Run {
			from = points[i-1]
		}
		x1, x2 := c.x(w, from.X), c.x(w, p.X)
		for at := x1; at <= x2; at++ {
			along := func(a, b int) int {
				if x2 == x1 {
					return b
				}
				return a + (b-a)*(at-x1)/(x2-x1)
			}
			bottom := min(along(y(from.Low), y(p.Low)), 4*c.rows)
			for dot := max(along(y(from.High), y(p.High)), 0); dot <= bottom; dot++ {
				if dot%2 == 0 && p.High > p.Low {
					c.set(at&^1, dot)
				}
			}
			c.set(at, along(y(from.Y), y(p.Y)))
		}
	}
}

// sideLabels are the ticks of y by row, and the width of the widest.
func sideLabels(s scale, rows int) ([]string, int) {
	labels, widest := make([]string, rows), 0
	for _, t := range s.ticks(max(2, rows/4)) {
		row := int((1 - s.place(t.at)) * float64(rows-1) * 1.0001)
		if row >= 0 && row < rows {
			labels[row] = t.text
			widest = max(widest, utf8.RuneCountInString(t.text))
		}
	}
	return labels, widest
}

// bottomLabels are the ticks of x, as many as fit.
func bottomLabels(s scale, margin, columns int) string {
	line := []rune(strings.Repeat(" ", margin) + "└" + strings.Repeat("─", columns))
	free := 0
	for _, t := range s.ticks(max(2, columns/16)) {
		text := []rune("┴" + t.text)
		at := margin + 1 + int(s.place(t.at)*float64(columns-1))
		if at < free || at+len(text) > len(line) {
			continue
		}
		copy(line[at:], text)
		free = at + len(text) + 1
	}
	return string(line)
}

func pad(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}
