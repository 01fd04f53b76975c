package promclock

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

var (
	descInFlight = describe("commitwait_in_flight", "Commits between assignment and visibility, those of unknown outcome too.")
	descSafeAge  = describe("commitwait_safe_time_age_seconds", "Latest possible true time minus the safe time: how old the newest safe snapshot is at most.")
)

// Commits returns the metrics of a committer whose timestamps are of this clock.
func Commits(committer *commitwait.Committer, clock *truetime.Clock) prometheus.Collector {
	return commitCollector{committer, clock}
}

type commitCollector struct {
	committer *commitwait.Committer
	clock     *truetime.Clock
}

func (c commitCollector) Describe(out chan<- *prometheus.Desc) {
	out <- descInFlight
	out <- descSafeAge
}

// Collect leaves the age out while there is no interval or no safe time.
func (c commitCollector) Collect(out chan<- prometheus.Metric) {
	s := c.committer.Stats()
	out <- prometheus.MustNewConstMetric(descInFlight, prometheus.GaugeValue, float64(s.InFlight))
	if now, err := c.clock.Now(); err == nil && s.Safe != (hlc.Timestamp{}) {
		out <- prometheus.MustNewConstMetric(descSafeAge, prometheus.GaugeValue, float64(now.LatestUnixNano()-s.Safe.WallTime)/1e9)
	}
}

// Waits are the metrics of commit waits. Make one with NewWaits before the committer, whose Options.OnWait is Observe, and
// register it; several committers may share it. It is safe for concurrent use.
type Waits struct {
	durations prometheus.Histogram
	results   [5]prometheus.Counter // in the order of the results
	all       *prometheus.CounterVec
}

// The results of a wait, and their places.
const (
	waitPassed = iota
	waitTooLong
	waitInterrupted
	waitClosed
	waitFailed
)

// NewWaits returns metrics that have seen nothing yet.
func NewWaits() *Waits {
	w := &Waits{
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        "commitwait_duration_seconds",
			Help:                        "How long commits waited until their timestamp had certainly passed; those that did not wait to the end are left out.",
			Buckets:                     prometheus.ExponentialBuckets(1e-6, 4, 13), // 1 µs to 17 s
			NativeHistogramBucketFactor: 1.1,
		}),
		all: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "commitwait_waits_total",
			Help: "Commit waits by how they ended: passed, too_long, interrupted, closed, failed.",
		}, []string{"result"}),
	}
	for i, name := range []string{"passed", "too_long", "interrupted", "closed", "failed"} {
		w.results[i] = w.all.WithLabelValues(name)
	}
	return w
}

// Observe counts a wait. It is for commitwait.Options.OnWait.
func (w *Waits) Observe(waited time.Duration, err error) {
	if err == nil {
		w.durations.Observe(waited.Seconds())
	}
	w.results[waitResult(err)].Inc()
}

func waitResult(err error) int {
	switch {
	case err == nil:
		return waitPassed
	case errors.Is(err, commitwait.ErrClosed):
		return waitClosed
	case errors.As(err, new(*truetime.WaitTooLongError)):
		return waitTooLong
	case errors.As(err, new(*truetime.WaitError)):
		return waitInterrupted
	}
	return waitFailed
}

// Describe sends every description there is.
func (w *Waits) Describe(out chan<- *prometheus.Desc) {
	w.durations.Describe(out)
	w.all.Describe(out)
}

// Collect sends what was counted.
func (w *Waits) Collect(out chan<- prometheus.Metric) {
	w.durations.Collect(out)
	w.all.Collect(out)
}
