package promclock

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/hlc"
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
