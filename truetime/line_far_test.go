package truetime

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestLine_TheShortWayEqualsTheFarOne, on both sides of the limit between them;
// the far one is compared with big integers in line_test.go.
func TestLine_TheShortWayEqualsTheFarOne(t *testing.T) {
	near := func(limit int64) *rapid.Generator[int64] {
		return rapid.OneOf(rapid.Int64Range(0, limit+limit/2), rapid.Int64Range(limit-2, limit+2), rapid.Int64Range(0, 20_000))
	}
	rapid.Check(t, func(t *rapid.T) {
		l := Line{
			At:       rapid.Int64Range(-1<<62, 1<<62).Draw(t, "at"),
			Nanos:    rapid.OneOf(rapid.Int64Range(-10_000, 10_000), rapid.Int64Range(-1<<62, 1<<62), rapid.Int64Range(1<<63-1<<43, 1<<63-1)).Draw(t, "nanos"),
			SlopePPB: near(steepSlope).Draw(t, "slope") * rapid.SampledFrom([]int64{1, -1}).Draw(t, "sign"),
		}
		d := near(farLine).Draw(t, "d")
		for _, up := range []bool{false, true} {
			got, ok := l.Floor(l.At + d)
			if up {
				got, ok = l.Ceil(l.At + d)
			}
			want, fits := l.wide(uint64(d), up)
			if !fits && ok {
				require.True(t, l.SlopePPB < 0 && l.Nanos > 0, "the far way gives up when the sum without the drift does not fit")
				continue
			}
			require.Equal(t, fits, ok)
			if ok {
				require.Equal(t, want, got, "up %v", up)
			}
		}
		other := Line{At: l.At - d/3, Nanos: l.Nanos / 2, SlopePPB: -l.SlopePPB}
		earliest, latest, ok := enclose(&l, &other, l.At+d/2, l.At+d)
		floor, ok1 := l.Floor(l.At + d/2)
		ceil, ok2 := other.Ceil(l.At + d)
		require.Equal(t, ok1 && ok2, ok)
		if ok {
			require.Equal(t, [2]int64{floor, ceil}, [2]int64{earliest, latest})
		}
	})
}
