package truetime_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"slices"

	"github.com/trueclock/trueclock/truetime"
)

func covers(i truetime.Interval, point int64) bool {
	return i.EarliestUnixNano() <= point && point <= i.LatestUnixNano()
}

// bruteForce is the oracle. A range of points that lie in k intervals begins
// where one begins and ends where one ends, so trying every end is enough.
func bruteForce(in []truetime.Interval, need int) (lo, hi int64, best int) {
	lo, hi = math.MaxInt64, math.MinInt64
	for _, i := range in {
		for _, p := range []int64{i.EarliestUnixNano(), i.LatestUnixNano()} {
			depth := 0
			for _, j := range in {
				if covers(j, p) {
					depth++
				}
			}
			best = max(best, depth)
			if depth >= need {
				lo, hi = min(lo, p), max(hi, p)
			}
		}
	}
	return lo, hi, best
}

// deepestOverlap is the rule that this package does not use: the first range in
// which the most intervals overlap, however many f would need.
func deepestOverlap(in []truetime.Interval) truetime.Interval {
	_, _, best := bruteForce(in, 1)
	var answer truetime.Interval
	found := false
	for _, i := range in {
		start := i.EarliestUnixNano()
		end, depth := int64(math.MaxInt64), 0
		for _, j := range in {
			if covers(j, start) {
				depth++
				end = min(end, j.LatestUnixNano())
			}
		}
		if depth == best && (!found || start < answer.EarliestUnixNano()) {
			answer, _ = truetime.NewInterval(start, end)
			found = true
		}
	}
	return answer
}

// fewIntervals draws up to nine on a small scale, so that they touch, nest and
// repeat often, or on the scale of unix nanoseconds.
func fewIntervals(t *rapid.T) []truetime.Interval {
	point := rapid.Int64Range(-8, 8)
	if rapid.Bool().Draw(t, "large") {
		point = rapid.Int64Range(noon-1e9, noon+1e9)
	}
	n := rapid.IntRange(0, 9).Draw(t, "n")
	in := make([]truetime.Interval, n)
	for i := range in {
		a, b := point.Draw(t, "a"), point.Draw(t, "b")
		in[i] = interval(t, min(a, b), max(a, b))
	}
	return in
}

func TestAgree_EqualsBruteForceForEveryF(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fewIntervals(t)
		n := len(in)
		before := slices.Clone(in)
		for f := 0; f <= n+1; f++ {
			got, err := truetime.Agree(in, f)
			lo, hi, best := bruteForce(in, n-f)
			var refusal *truetime.NoQuorumError
			switch {
			case n < 2*f+1:
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, truetime.NoQuorumError{Domains: n, Faulty: f, Best: best, Needed: 2*f + 1}, *refusal)
				require.False(t, refusal.Disproved())
				require.Zero(t, got)
			case best < n-f:
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, truetime.NoQuorumError{Domains: n, Faulty: f, Best: best, Needed: n - f}, *refusal)
				require.True(t, refusal.Disproved())
				require.Zero(t, got)
			default:
				require.NoError(t, err)
				require.Equal(t, interval(t, lo, hi), got.Interval)
				checkVerdicts(t, in, got)
				checkWidth(t, in, f, got.Interval)
			}
		}
		require.Equal(t, before, in, "the argument is not touched")
	})
}

// checkVerdicts: each index appears exactly once, in order, and a truechimer is
// whoever meets the hull.
func checkVerdicts(t *rapid.T, in []truetime.Interval, got truetime.Agreement) {
	var chimers, lies []int
	for i, iv := range in {
		if covers(iv, got.Interval.EarliestUnixNano()) || covers(got.Interval, iv.EarliestUnixNano()) {
			chimers = append(chimers, i)
		} else {
			lies = append(lies, i)
		}
	}
	require.Equal(t, chimers, got.Truechimers)
	require.Equal(t, lies, got.Falsetickers)
	require.LessOrEqual(t, len(lies), got.Faulty, "no more than f can be disproved")
}

// checkWidth: M lies in F = [(f+1)-th largest lo, (f+1)-th smallest hi], and is no
// wider than the (2f+1)-th smallest interval.
func checkWidth(t *rapid.T, in []truetime.Interval, f int, hull truetime.Interval) {
	var los, his, widths []int64
	for _, i := range in {
		los = append(los, i.EarliestUnixNano())
		his = append(his, i.LatestUnixNano())
		widths = append(widths, int64(i.Width()))
	}
	slices.Sort(los)
	slices.Sort(his)
	slices.Sort(widths)
	require.GreaterOrEqual(t, hull.EarliestUnixNano(), los[len(los)-1-f], "earliest leaves F")
	require.LessOrEqual(t, hull.LatestUnixNano(), his[f], "latest leaves F")
	require.LessOrEqual(t, int64(hull.Width()), widths[2*f])
}

// I1: whatever f liars say, the truth that the others contain stays inside.
func TestAgree_TruthSurvivesAnyFLiars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fewIntervals(t)
		if len(in) == 0 {
			return
		}
		f := rapid.IntRange(0, (len(in)-1)/2).Draw(t, "f")
		truth := in[0].EarliestUnixNano() + rapid.Int64Range(-3, 3).Draw(t, "truth")
		for i := f; i < len(in); i++ { // the first f may say what they like
			lo, hi := in[i].EarliestUnixNano(), in[i].LatestUnixNano()
			in[i] = interval(t, min(lo, truth), max(hi, truth))
		}
		shuffled := rapid.Permutation(in).Draw(t, "order")
		got, err := truetime.Agree(shuffled, f)
		require.NoError(t, err, "the honest ones share the truth")
		require.True(t, covers(got.Interval, truth), "%v misses the truth %d", got.Interval, truth)
	})
}

func TestAgree_DoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fewIntervals(t)
		f := rapid.IntRange(0, 4).Draw(t, "f")
		shuffled := rapid.Permutation(in).Draw(t, "order")
		a, errA := truetime.Agree(in, f)
		b, errB := truetime.Agree(shuffled, f)
		require.Equal(t, errA, errB)
		require.Equal(t, a.Interval, b.Interval)
		require.Len(t, b.Truechimers, len(a.Truechimers))
	})
}

// A more precise server, honest or not, can never make the answer wider.
func TestAgree_ShrinkingAnIntervalNeverWidensTheAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := fewIntervals(t)
		if len(in) == 0 {
			return
		}
		f := rapid.IntRange(0, (len(in)-1)/2).Draw(t, "f")
		before, err := truetime.Agree(in, f)
		if err != nil {
			return
		}
		i := rapid.IntRange(0, len(in)-1).Draw(t, "which")
		lo := rapid.Int64Range(in[i].EarliestUnixNano(), in[i].LatestUnixNano()).Draw(t, "new earliest")
		in[i] = interval(t, lo, rapid.Int64Range(lo, in[i].LatestUnixNano()).Draw(t, "new latest"))
		after, err := truetime.Agree(in, f)
		if err != nil {
			return // a refusal is the narrowest answer of all
		}
		require.GreaterOrEqual(t, after.Interval.EarliestUnixNano(), before.Interval.EarliestUnixNano())
		require.LessOrEqual(t, after.Interval.LatestUnixNano(), before.Interval.LatestUnixNano())
	})
}

// The case against "take the deepest overlap": it follows the liars off true
// time, on the very data for which a fixed f keeps it.
func TestOverlapLiar_DoesNotPullTheAnswer(t *testing.T) {
	for _, c := range []struct {
		why   string
		f     int
		truth int64
		in    [][2]int64
	}{
		{"one liar among three, where a second range is just as deep and narrower", 1, 9, [][2]int64{{0, 10}, {9, 10}, {0, 2}}},
		{"two liars among five", 2, 1, [][2]int64{{0, 10}, {0, 10}, {0, 3}, {8, 9}, {7, 9}}},
		{"three liars among seven", 3, 0, [][2]int64{{-1, 10}, {-1, 10}, {-1, 1}, {-1, 1}, {5, 6}, {5, 6}, {5, 6}}},
	} {
		var in []truetime.Interval
		honest := 0
		for _, p := range c.in {
			in = append(in, interval(t, p[0], p[1]))
			if covers(in[len(in)-1], c.truth) {
				honest++
			}
		}
		require.Equal(t, len(in)-c.f, honest, "%s: the assumption holds, exactly f lie", c.why)
		assert.False(t, covers(deepestOverlap(in), c.truth), "%s: the deepest overlap %v was expected to fail", c.why, deepestOverlap(in))
		got, err := truetime.Agree(in, c.f)
		require.NoError(t, err, c.why)
		assert.True(t, covers(got.Interval, c.truth), "%s: %v misses the truth", c.why, got.Interval)
	}
}
