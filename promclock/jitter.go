package promclock

import (
	"math"
	"sync"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// jitterSamples is how many round trips count. Source: RFC 5905 §10, the size of the clock filter.
const jitterSamples = 8

// jitters keep the newest round trips of each server. RFC 5905 takes offsets, against a clock that is being steered; ours
// runs free, and its rate would be taken for jitter. The zero jitters is ready to use and safe for concurrent use.
type jitters struct {
	mu    sync.Mutex
	trips map[string][]time.Duration
}

// add takes a usable exchange down.
func (j *jitters) add(source string, s ntpprobe.Sample) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.trips == nil {
		j.trips = map[string][]time.Duration{}
	}
	trips := append(j.trips[source], s.Delay())
	j.trips[source] = trips[max(0, len(trips)-jitterSamples):]
}

// of is the root mean square of the differences between successive round trips; known is false with fewer than two.
func (j *jitters) of(source string) (seconds float64, known bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	trips := j.trips[source]
	if len(trips) < 2 {
		return 0, false
	}
	sum := 0.0
	for i, trip := range trips[1:] {
		difference := (trip - trips[i]).Seconds()
		sum += difference * difference
	}
	return math.Sqrt(sum / float64(len(trips)-1)), true
}
