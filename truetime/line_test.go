package truetime_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trueclock/trueclock/truetime"
)

var billion = big.NewInt(1_000_000_000)

// exact is the oracle: the line's value at a reading, in billionths of a
// nanosecond, with integers that cannot overflow.
func exact(l truetime.Line, nanos int64) *big.Int {
	d := new(big.Int).Sub(big.NewInt(nanos), big.NewInt(l.At))
	value := new(big.Int).Add(big.NewInt(l.Nanos), d)
	value.Mul(value, billion)
	return value.Add(value, d.Mul(d, big.NewInt(l.SlopePPB)))
}

// floor and ceil bring billionths back to nanoseconds.
func floor(v *big.Int) *big.Int { return new(big.Int).Div(v, billion) } // Euclidean, so down

func ceil(v *big.Int) *big.Int {
	return new(big.Int).Neg(floor(new(big.Int).Neg(v)))
}

// anyInt64 draws ordinary and extreme numbers.
func anyInt64(t *rapid.T, label string) int64 {
	return rapid.OneOf(
		rapid.Int64(),
		rapid.Int64Range(-1000, 1000),
		rapid.Int64Range(noon-1e18, noon+1e18),
		rapid.SampledFrom([]int64{lowest, lowest + 1, -1, 0, 1, highest - 1, highest, 1 << 62, -(1 << 62)}),
	).Draw(t, label)
}

func anySlope(t *rapid.T, label string) int64 {
	return rapid.OneOf(
		rapid.Int64Range(-500_000, 500_000),
		rapid.Int64Range(-999_999_999, 999_999_999),
		rapid.SampledFrom([]int64{0, 1, -1, driftPPB, -driftPPB, 999_999_999, -999_999_999}),
	).Draw(t, label)
}

func TestLine_RoundsExactlyLikeBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := truetime.Line{At: anyInt64(t, "at"), Nanos: anyInt64(t, "nanos"), SlopePPB: anySlope(t, "slope")}
		r := anyInt64(t, "reading")
		if r < l.At {
			l.At, r = r, l.At
		}
		checkLine(t, l, r)
	})
}

// checkLine compares both roundings with the oracle. A refusal is right only if
// the result, or the sum without the drift, does not fit 64 bits.
func checkLine(t require.TestingT, l truetime.Line, r int64) {
	value := exact(l, r)
	d := new(big.Int).Sub(big.NewInt(r), big.NewInt(l.At))
	undrifted := new(big.Int).Add(big.NewInt(l.Nanos), d)
	for _, side := range []struct {
		name string
		got  func(int64) (int64, bool)
		want *big.Int
	}{
		{"Floor", l.Floor, floor(value)},
		{"Ceil", l.Ceil, ceil(value)},
	} {
		got, ok := side.got(r)
		if ok {
			require.Equal(t, side.want.String(), big.NewInt(got).String(), "%s of %+v at %d", side.name, l, r)
			continue
		}
		fits := side.want.IsInt64() && undrifted.IsInt64() && d.IsInt64()
		require.False(t, fits, "%s of %+v at %d refused, although it is %v", side.name, l, r, side.want)
	}
}

func TestLine_HandPickedValues(t *testing.T) {
	for _, c := range []struct {
		why         string
		line        truetime.Line
		at          int64
		floor, ceil int64
	}{
		{"at its anchor a line needs no rounding", truetime.Line{At: 5, Nanos: 100, SlopePPB: driftPPB}, 5, 100, 100},
		{"after 1 ns at +200 ppm the value is 101.0002", truetime.Line{At: 5, Nanos: 100, SlopePPB: driftPPB}, 6, 101, 102},
		{"after 1 ns at −200 ppm the value is 100.9998", truetime.Line{At: 5, Nanos: 100, SlopePPB: -driftPPB}, 6, 100, 101},
		{"5 µs at 200 ppm are a whole nanosecond", truetime.Line{SlopePPB: driftPPB}, 5000, 5001, 5001},
		{"and at −200 ppm", truetime.Line{SlopePPB: -driftPPB}, 5000, 4999, 4999},
		{"before 1970 down still means down: −98.9998", truetime.Line{Nanos: -100, SlopePPB: driftPPB}, 1, -99, -98},
		{"before 1970 with a negative slope: −99.0002", truetime.Line{Nanos: -100, SlopePPB: -driftPPB}, 1, -100, -99},
		{"a slope of 0 is time itself", truetime.Line{At: -7, Nanos: 7}, 7, 21, 21},
	} {
		down, ok1 := c.line.Floor(c.at)
		up, ok2 := c.line.Ceil(c.at)
		assert.True(t, ok1 && ok2, c.why)
		assert.Equal(t, []int64{c.floor, c.ceil}, []int64{down, up}, c.why)
	}
}

// d × 200 000 ppb leaves 63 bits after 12.8 hours.
func TestLine_LongHoldoverDoesNotOverflow(t *testing.T) {
	for _, c := range []struct {
		why  string
		age  time.Duration
		grow time.Duration
	}{
		{"just below the 64-bit product", 12*time.Hour + 48*time.Minute, 9216 * time.Millisecond},
		{"just beyond it", 13 * time.Hour, 9360 * time.Millisecond},
		{"a year without a sample", 365 * 24 * time.Hour, 6307200 * time.Millisecond},
		{"a century", 36500 * 24 * time.Hour, 630720 * time.Second},
	} {
		for _, slope := range []int64{driftPPB, -driftPPB} {
			l := truetime.Line{At: -12345, Nanos: noon, SlopePPB: slope}
			got, ok := l.Ceil(l.At + int64(c.age))
			require.True(t, ok, c.why)
			want := noon + int64(c.age) + slope/driftPPB*int64(c.grow)
			assert.Equal(t, want, got, "%s, slope %d", c.why, slope)
			checkLine(t, l, l.At+int64(c.age)+1)
		}
	}
}

func TestLine_SaysWhenTheValueDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		why  string
		line truetime.Line
		at   int64
	}{
		{"past 2262 by the elapsed time", truetime.Line{Nanos: highest}, 1},
		{"past 2262 by the drift alone", truetime.Line{Nanos: highest - 5000, SlopePPB: driftPPB}, 5000},
		{"past 2262 by the rounding alone", truetime.Line{Nanos: highest - 1, SlopePPB: 1}, 1},
		{"longer than a Duration", truetime.Line{At: lowest, Nanos: 0}, highest},
		{"an absurd slope nobody validated", truetime.Line{Nanos: lowest, SlopePPB: highest}, highest},
		{"the lowest slope, whose absolute value does not fit", truetime.Line{SlopePPB: math.MinInt64}, highest},
	} {
		_, ok := c.line.Ceil(c.at)
		assert.False(t, ok, c.why)
	}
}
