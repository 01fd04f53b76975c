package plot

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The measures of a figure, in pixels.
const (
	marginLeft, marginRight = 78, 18
	marginTop, marginBottom = 30, 44
	lineHeight              = 15
	colours                 = 6
)

// style has light colours, and dark ones where the reader prefers them.
const style = `<style>
svg{--ink:#222;--soft:#777;--grid:#ddd;--paper:#fff;--c0:#1f6fb4;--c1:#c4541c;--c2:#2f8a3d;--c3:#8b4bb0;--c4:#a0791a;--c5:#b8336a}
@media(prefers-color-scheme:dark){svg{--ink:#ddd;--soft:#999;--grid:#3a3a3a;--paper:#161616;--c0:#6cb0ee;--c1:#f0935c;--c2:#73c983;--c3:#c79be6;--c4:#d9b65a;--c5:#ee82ac}}
.paper{fill:var(--paper)}text{fill:var(--ink);font:12px system-ui,sans-serif}.t{font-size:15px;font-weight:600}.n{fill:var(--soft)}
.g{stroke:var(--grid);stroke-width:1}.z{stroke:var(--soft);stroke-width:1}.m{stroke:var(--ink);stroke-width:1;stroke-dasharray:1 3}.f{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:6 4}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
.b{fill:var(--c);fill-opacity:.2}.l{fill:none;stroke:var(--c);stroke-width:1.4}.d{fill:var(--c)}
</style>
`

// SVG draws the figures below each other, each width × height pixels, as a document of its
// own that needs no font, script or network.
func SVG(width, height int, figures ...Figure) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", width, height*len(figures), width, height*len(figures))
	b.WriteString(style)
	fmt.Fprintf(&b, "<rect class=\"paper\" width=\"100%%\" height=\"100%%\"/>\n")
	for i, f := range figures {
		fmt.Fprintf(&b, "<g transform=\"translate(0 %d)\">\n", i*height)
		(&drawing{Builder: &b, figure: f, number: i, w: f.window(), width: width, height: height}).draw()
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// drawing is one figure on its way.
type drawing struct {
	*strings.Builder
	figure        Figure
	number        int
	w             window
	width, height int
	top           int // of the plane
}

func (d *drawing) printf(format string, a ...any) { fmt.Fprintf(d.Builder, format, a...) }

func (d *drawing) draw() {
	f := d.figure
	d.printf("<title>%s</title>\n", escape(f.Title))
	d.text(marginLeft, 20, "t", "", f.Title)
	notes := f.Notes
	if d.w.outside > 0 {
		notes = append(notes[:len(notes):len(notes)], fmt.Sprintf("%d points reach beyond the picture", d.w.outside))
	}
	for i, note := range notes {
		d.text(marginLeft, 20+lineHeight*(i+1), "n", "", note)
	}
	d.top = marginTop + lineHeight*len(notes)
	d.axes()
	d.printf("<clipPath id=\"p%d\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n<g clip-path=\"url(#p%d)\">\n",
		d.number, marginLeft, d.top, d.planeWidth(), d.planeHeight(), d.number)
	for i := range d.w.series {
		d.series(i)
	}
	for _, l := range f.Lines {
		d.printf("<line class=\"f\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"><title>%s</title></line>\n", d.x(l.X1), d.y(l.Y1), d.x(l.X2), d.y(l.Y2), escape(l.Name))
	}
	d.printf("</g>\n")
	d.marks()
	d.legend()
}

func (d *drawing) planeWidth() int  { return max(1, d.width-marginLeft-marginRight) }
func (d *drawing) planeHeight() int { return max(1, d.height-d.top-marginBottom) }

// x and y are places in pixels, cut far outside of the picture so that numbers stay short.
func (d *drawing) x(v float64) float64 {
	return marginLeft + cutTo(d.w.x.place(v))*float64(d.planeWidth())
}

func (d *drawing) y(v float64) float64 {
	return float64(d.top) + (1-cutTo(d.w.y.place(v)))*float64(d.planeHeight())
}

// cutTo is so far outside that what is cut does not bend an edge within the picture.
func cutTo(place float64) float64 { return min(max(place, -1000), 1000) }

func (d *drawing) text(x, y int, class, anchor, text string) {
	if anchor != "" {
		anchor = " text-anchor=\"" + anchor + "\""
	}
	d.printf("<text class=\"%s\" x=\"%d\" y=\"%d\"%s>%s</text>\n", class, x, y, anchor, escape(text))
}

func (d *drawing) axes() {
	left, right, bottom := marginLeft, marginLeft+d.planeWidth(), d.top+d.planeHeight()
	for _, t := range d.w.y.ticks(6) {
		class := "g"
		if t.text == "0" {
			class = "z"
		}
		d.printf("<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", class, left, d.y(t.at), right, d.y(t.at))
		d.text(left-6, int(d.y(t.at))+4, "n", "end", t.text)
	}
	for _, t := range d.w.x.ticks(8) {
		d.printf("<line class=\"g\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", d.x(t.at), d.top, d.x(t.at), bottom)
		d.text(int(d.x(t.at)), bottom+16, "n", "middle", t.text)
	}
	d.text((left+right)/2, bottom+34, "", "middle", d.w.x.label(d.figure.X.Label))
	middle := (d.top + bottom) / 2
	d.printf("<text x=\"16\" y=\"%d\" text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\">%s</text>\n", middle, middle, escape(d.w.y.label(d.figure.Y.Label)))
}

// label adds the unit.
func (s scale) label(text string) string {
	if s.unitName == "" {
		return text
	}
	return text + ", " + s.unitName
}

// series draws the runs of one series: the band, then the line, and dots for what stands
// alone.
func (d *drawing) series(i int) {
	points := d.w.series[i]
	for len(points) > 0 {
		n := 1
		for n < len(points) && points[n].Run == points[0].Run {
			n++
		}
		d.run(i%colours, points[:n])
		points = points[n:]
	}
}

func (d *drawing) run(colour int, points []Point) {
	if len(points) == 1 {
		p := points[0]
		d.printf("<rect class=\"b c%d\" x=\"%.1f\" y=\"%.1f\" width=\"3\" height=\"%.1f\"/>\n", colour, d.x(p.X)-1.5, d.y(p.High), max(0, d.y(p.Low)-d.y(p.High)))
		d.printf("<circle class=\"d c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>\n", colour, d.x(p.X), d.y(p.Y))
		return
	}
	d.printf("<path class=\"b c%d\" d=\"M", colour)
	for _, p := range points {
		d.printf("%.1f %.1f ", d.x(p.X), d.y(p.High))
	}
	for i := len(points) - 1; i >= 0; i-- {
		d.printf("%.1f %.1f ", d.x(points[i].X), d.y(points[i].Low))
	}
	d.printf("Z\"/>\n<polyline class=\"l c%d\" points=\"", colour)
	for i, p := range points {
		if i > 0 {
			d.printf(" ")
		}
		d.printf("%.1f,%.1f", d.x(p.X), d.y(p.Y))
	}
	d.printf("\"/>\n")
}

// marks are upright lines with a name that a pointer shows.
func (d *drawing) marks() {
	for _, m := range d.figure.Marks {
		if p := d.w.x.place(m.X); p >= 0 && p <= 1 {
			d.printf("<line class=\"m\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"><title>%s</title></line>\n", d.x(m.X), d.top, d.x(m.X), d.top+d.planeHeight(), escape(m.Name))
		}
	}
}

// legend names the series, if there are several, as far as there are colours.
func (d *drawing) legend() {
	if len(d.figure.Series) < 2 {
		return
	}
	for i, s := range d.figure.Series {
		y := d.top + 8 + lineHeight*i
		d.printf("<rect class=\"d c%d\" x=\"%d\" y=\"%d\" width=\"10\" height=\"10\"/>\n", i%colours, d.width-marginRight-16, y)
		d.text(d.width-marginRight-22, y+9, "", "end", s.Name)
		if more := len(d.figure.Series) - colours; i == colours-1 && more > 0 {
			d.text(d.width-marginRight-22, y+9+lineHeight, "n", "end", fmt.Sprintf("and %d more", more))
			return
		}
	}
}

// escape makes any text safe in XML; what XML cannot hold becomes U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}
