package termplot

import (
	"strings"
	"unicode"
)

// wide are the blocks whose characters take two cells (Unicode Standard Annex 11, wide
// and fullwidth, in whole blocks; emoji included).
var wide = []struct{ from, to rune }{
	{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},
	{0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
}

// cellsOf is how many cells a character takes: 0, 1 or 2.
func cellsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	for _, block := range wide {
		if block.from <= r && r <= block.to {
			return 2
		}
	}
	return 1
}

// Cells returns how many cells the text takes, which must hold no control characters.
func Cells(text string) (n int) {
	for _, r := range text {
		n += cellsOf(r)
	}
	return n
}

// Cut returns the text cut to width cells, the last of which is then '…'. A control
// character becomes '?': what others say must not steer the terminal.
func Cut(text string, width int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text)
	if Cells(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	used := 0
	for i, r := range text {
		if used += cellsOf(r); used > width-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// Pad returns the text cut to width cells or followed by blanks up to it.
func Pad(text string, width int) string {
	text = Cut(text, width)
	return text + strings.Repeat(" ", max(0, width-Cells(text)))
}
