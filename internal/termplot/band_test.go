package termplot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A clock that is found, drifts, is lost for a while, and is found again.
var story = []Point{
	{At: 0, Low: -4, Middle: 0, High: 4}, {At: 2, Low: -1, Middle: 1, High: 3}, {At: 4, Low: 0, Middle: 2, High: 4},
	{At: 5, Gap: true}, {At: 6, Low: 2, Middle: 3, High: 4}, {At: 10, Low: 0, Middle: 2, High: 4},
}

func TestBand_InLetters(t *testing.T) {
	values, ok := Values(story)
	require.True(t, ok)
	require.Equal(t, Range{-4, 4}, values)
	require.Equal(t, []string{
		"||    |||   |||||||||", // 4
		"..||||...   ooooo....",
		"......ooo   |||..oooo",
		"..oooo...      ||||..",
		"oo----|||----------||", // 0
		"....||               ",
		"..||                 ",
		".|                   ",
		"|                    ", // -4
	}, Band(story, Range{0, 10}, values, 21, 9, true))
	require.Equal(t, 4, Row(0, values, 9, true), "where the label of zero belongs")
	require.Equal(t, 0, Row(4, values, 9, false))
	require.Equal(t, 8, Row(-4, values, 9, false))
}

// TestBand_BrailleIsTheSamePicture: a cell holds two by four points of the picture in letters, numbered
// as Unicode says (1 to 3 and 7 down the left side, 4 to 6 and 8 down the right one).
func TestBand_BrailleIsTheSamePicture(t *testing.T) {
	values := Range{-4, 4}
	letters := Band(story, Range{0, 10}, values, 32, 24, true)
	for top, line := range Band(story, Range{0, 10}, values, 16, 6, false) {
		for left, cell := range []rune(line) {
			if cell == ' ' {
				cell = 0x2800
			}
			for number, at := range [8][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 0}, {1, 1}, {1, 2}, {0, 3}, {1, 3}} {
				x, y := 2*left+at[0], 4*top+at[1]
				want := map[byte]bool{'|': true, 'o': true, '-': x%4 < 2, '.': x%2 == 0 && y%2 == 0}[letters[y][x]]
				require.Equal(t, want, (cell-0x2800)>>number&1 == 1, "point %d, %d is %q", x, y, letters[y][x])
			}
		}
	}
}

// TestBand_Shape: whatever is asked for, it has that size, and the band is where its values are.
func TestBand_Shape(t *testing.T) {
	values, _ := Values(story)
	for _, ascii := range []bool{true, false} {
		for _, size := range [][2]int{{1, 1}, {2, 1}, {7, 3}, {80, 20}, {200, 50}} {
			lines := Band(story, Range{0, 10}, values, size[0], size[1], ascii)
			require.Len(t, lines, size[1])
			for _, line := range lines {
				require.Equal(t, size[0], Cells(line), "%q", line)
			}
		}
	}
	require.Nil(t, Band(story, Range{0, 10}, values, 0, 5, false))
	require.Nil(t, Band(story, Range{0, 10}, Range{}, 5, 5, false), "no values")
	require.Nil(t, Band(story, Range{1, 1}, values, 5, 5, false), "no time")
}

func TestValues_HoldZeroIfItIsNear(t *testing.T) {
	near := []Point{{Low: 10, High: 20}, {Gap: true, Low: -1000}}
	values, ok := Values(near)
	require.True(t, ok)
	require.Equal(t, Range{0, 20}, values)
	values, _ = Values([]Point{{Low: 250e6, High: 250e6 + 100}})
	require.Equal(t, Range{250e6, 250e6 + 100}, values, "a liar's distance would make a line of the band")
	values, _ = Values([]Point{{Low: 5, High: 5}})
	require.Less(t, values.From, values.To)
	many := make([]Point, 50)
	for i := range many {
		many[i] = Point{Low: -1, High: 1}
	}
	many[0] = Point{Low: -100, High: 8000}
	values, _ = Values(many)
	require.Equal(t, Range{-1, 1}, values, "the first wide band does not flatten the rest")
	values, _ = Values(append(many, Point{Low: -50, High: 70}))
	require.Equal(t, Range{-50, 70}, values, "but the newest is whole")
	_, ok = Values([]Point{{Gap: true}})
	require.False(t, ok)
	_, ok = Values(nil)
	require.False(t, ok)
}
