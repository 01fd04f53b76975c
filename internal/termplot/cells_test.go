package termplot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCells_WideAndCombiningCharacters(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "ntp1": 4, "±59.99 µs": 9, "…": 1, "⣿⡇": 2, "時計": 4, "시계": 4, "ｎ": 2, "e\u0301": 1, "⏱\ufe0f": 1, "🕰": 2, "a\u200bb": 2,
	} {
		require.Equal(t, want, Cells(text), "%q", text)
	}
}

func TestCut_NeverTooWide(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"true time", 9, "true time"},
		{"true time", 8, "true ti…"},
		{"true time", 1, "…"},
		{"true time", 0, ""},
		{"true time", -1, ""},
		{"時計が遅い", 10, "時計が遅い"},
		{"時計が遅い", 9, "時計が遅…"},
		{"時計が遅い", 8, "時計が…"}, // half a character cannot be shown
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
		{"x\x1b[2Jy\n", 10, "x?[2Jy?"}, // what a server says does not steer the terminal
		{"\xff", 10, "?"},
	} {
		got := Cut(c.text, c.width)
		require.Equal(t, c.want, got)
		require.LessOrEqual(t, Cells(got), max(c.width, 0))
	}
	require.Equal(t, "時… ", Pad("時計", 3)+" ", "a whole character and the mark are three cells")
	require.Equal(t, "ab   ", Pad("ab", 5))
	for width := range 20 {
		require.Equal(t, width, Cells(Pad("時計 slow by e\u0301", width)))
	}
}
