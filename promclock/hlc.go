package promclock

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

var (
	descDrift    = describe("hlc_drift_seconds", "Newest timestamp minus the physical clock; positive: the clock was pushed ahead by others.")
	descOverflow = describe("hlc_logical_overflows_total", "Times that the logical part was full and the wall time went on instead.")
	descRefused  = describe("hlc_rejected_remote_timestamps_total", "Remote timestamps that were refused, by reason.", "reason")
)

// HLC returns the metrics of a hybrid clock.
func HLC(clock *hlc.Clock) prometheus.Collector { return hlcCollector{clock} }

type hlcCollector struct{ clock *hlc.Clock }

func (c hlcCollector) Describe(out chan<- *prometheus.Desc) {
	out <- descDrift
	out <- descOverflow
	out <- descRefused
}

func (c hlcCollector) Collect(out chan<- prometheus.Metric) {
	s := c.clock.Stats()
	out <- prometheus.MustNewConstMetric(descDrift, prometheus.GaugeValue, s.Lead.Seconds())
	out <- prometheus.MustNewConstMetric(descOverflow, prometheus.CounterValue, float64(s.Carries))
	for reason, count := range map[string]uint64{
		"unset": s.Refused.Unset, "too_far_ahead": s.Refused.TooFarAhead, "logical_too_high": s.Refused.LogicalTooHigh,
		"no_latest": s.Refused.NoLatest, "exhausted": s.Refused.Exhausted,
	} {
		out <- prometheus.MustNewConstMetric(descRefused, prometheus.CounterValue, float64(count), reason)
	}
}

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
