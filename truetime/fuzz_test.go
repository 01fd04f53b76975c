package truetime_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// FuzzBound fills a bound with anything: no panic, and whatever it answers
// encloses what its lines say exactly.
func FuzzBound(f *testing.F) {
	f.Add(int64(0), int64(0), noon, int64(-driftPPB), int64(0), noon+1, int64(driftPPB), int64(1e15), int64(1e9))
	f.Add(int64(lowest), int64(lowest), int64(lowest), int64(lowest), int64(highest), int64(highest), int64(highest), int64(highest), int64(highest))
	f.Fuzz(func(t *testing.T, at, earliestAt, earliest, earliestSlope, latestAt, latest, latestSlope, expires, r int64) {
		b := truetime.Bound{
			At:       truetime.Reading{Nanos: at, Epoch: 7},
			Earliest: truetime.Line{At: earliestAt, Nanos: earliest, SlopePPB: earliestSlope},
			Latest:   truetime.Line{At: latestAt, Nanos: latest, SlopePPB: latestSlope},
			Expires:  expires,
		}
		got, err := b.Interval(truetime.Reading{Nanos: r, Epoch: 7})
		if err != nil {
			require.Zero(t, got)
			return
		}
		require.LessOrEqual(t, got.EarliestUnixNano(), got.LatestUnixNano())
		require.Equal(t, floor(exact(b.Earliest, r)).Int64(), got.EarliestUnixNano())
		require.Equal(t, ceil(exact(b.Latest, r)).Int64(), got.LatestUnixNano())
	})
}
