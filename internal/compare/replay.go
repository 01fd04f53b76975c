package compare

import (
	"cmp"
	"slices"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// tape is the wall clock as a local clock, at the moments of a recording.
type tape struct{ now truetime.Reading }

func (t *tape) Read() (truetime.Reading, error) { return t.now, nil }

// byArrival orders samples as they came in.
func byArrival(a, b ntpprobe.Sample) int { return cmp.Compare(a.T4.Nanos, b.T4.Nanos) }

// Replay feeds recorded samples of the wall clock to an estimator and a clock as a
// prober does, and looks at the clock at each of the moments, which are in order. True
// time at a moment is the moment itself.
func Replay(servers []ntpprobe.Server, assume ntpprobe.Assumptions, samples []ntpprobe.Sample, moments []int64) ([]Look, error) {
	estimator, err := ntpprobe.NewEstimator(servers, assume)
	if err != nil {
		return nil, err
	}
	local := &tape{}
	clock := truetime.New(local, truetime.Options{})
	samples = slices.SortedStableFunc(slices.Values(samples), byArrival)
	looks := make([]Look, len(moments))
	for i, moment := range moments {
		for ; len(samples) > 0 && samples[0].T4.Nanos <= moment; samples = samples[1:] {
			local.now = samples[0].T4
			if estimator.Add(samples[0]) == nil { // a rejected one says nothing
				_ = clock.Update(estimator.Bound(local.now)) // what it refuses shows in the looks
			}
		}
		local.now = truetime.Reading{Nanos: moment, Epoch: wallEpoch}
		now, err := clock.Now()
		looks[i] = lookAt(now, err, moment, moment)
	}
	return looks, nil
}

// Look is what somebody said about the time at one moment.
type Look struct {
	Half    time.Duration // half the width of the interval
	Missing bool          // no interval
	Outside bool          // true time was outside of it
}

// lookAt judges an interval for a moment between two readings of the true time.
func lookAt(now truetime.Interval, err error, before, after int64) Look {
	if err != nil {
		return Look{Missing: true}
	}
	outside := now.LatestUnixNano() < before || now.EarliestUnixNano() > after
	return Look{Half: now.Uncertainty(), Outside: outside}
}
