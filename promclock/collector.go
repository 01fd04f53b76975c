package promclock

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Collector returns what a registry asks at each scrape. clock must be the one that
// prober.Run publishes to.
func (m *Metrics) Collector(clock *truetime.Clock, prober *ntpprobe.Prober) prometheus.Collector {
	return &collector{m, clock, prober}
}

type collector struct {
	*Metrics
	clock  *truetime.Clock
	prober *ntpprobe.Prober
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	descOffset       = describe("clockctl_offset_seconds", "Middle of the interval minus the wall clock of the operating system; positive: that is slow.")
	descUncertainty  = describe("clockctl_uncertainty_seconds", "Half width of the interval that contains the true time.")
	descFrequency    = describe("clockctl_frequency_error_ratio", "Rate of true time against the free-running local clock, minus 1: the middle of what is possible. Positive: the local clock runs slow.")
	descRateWidth    = describe("clockctl_frequency_uncertainty_ratio", "Half width of what is possible for clockctl_frequency_error_ratio.")
	descAgreed       = describe("clockctl_agreed_sources", "Servers that meet the agreed interval; 0 without one.")
	descFaulty       = describe("clockctl_faulty_tolerated", "Failure domains that may lie, f.")
	descSynchronized = describe("clockctl_synchronized", "1 if there is an interval and it is being refreshed, else 0.")
	descStatus       = describe("clockctl_status_info", "The state of the clock: unsynchronized, synchronized, holdover or disrupted.", "status")
	descLastSync     = describe("clockctl_last_sync_timestamp_seconds", "True time at which the last bound was made while enough servers answered.")
	descDisruptions  = describe("truetime_disruptions_total", "Disproofs of an assumption, after each of which the past was forgotten.", "cause")

	descSourceOffset     = describe("clockctl_source_offset_seconds", "Middle of the server's own interval minus the wall clock; positive: that is slow.", "source")
	descSourceDelay      = describe("clockctl_source_delay_seconds", "Best way out plus best way back.", "source")
	descSourceErrorBound = describe("clockctl_source_error_bound_seconds", "Half width of the server's own interval.", "source")
	descSourceJitter     = describe("clockctl_source_jitter_seconds", "Root mean square of the differences between successive round trips, of the newest eight.", "source")
	descSourceStratum    = describe("clockctl_source_stratum", "Stratum of the newest usable reply.", "source")
	descSourceReachable  = describe("clockctl_source_reachable", "0 if no reply came to the newest request, else 1.", "source")
	descSourceState      = describe("clockctl_source_state_info", "What the server counts for: agreed, falseticker, rejected or unreachable.", "source", "state")
)

// Describe sends every description there is.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descOffset, descUncertainty, descFrequency, descRateWidth, descAgreed, descFaulty, descSynchronized, descStatus, descLastSync, descDisruptions,
		descSourceOffset, descSourceDelay, descSourceErrorBound, descSourceJitter, descSourceStratum, descSourceReachable, descSourceState,
	} {
		out <- d
	}
	c.packets.Describe(out)
	c.widths.Describe(out)
}

// Collect sends what is known now; what is unknown is left out.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	c.packets.Collect(out)
	c.widths.Collect(out)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for cause, count := range causes(c.prober.Disproofs()) {
		out <- prometheus.MustNewConstMetric(descDisruptions, prometheus.CounterValue, float64(count), cause)
	}
	status, report, err := c.look()
	gauge(descStatus, 1, status.State.String())
	if c.remember(status); c.lastSync.Load() != 0 {
		gauge(descLastSync, float64(c.lastSync.Load())/1e9)
	}
	if err != nil { // the local clock cannot be read
		gauge(descSynchronized, 0)
		gauge(descAgreed, 0)
		return
	}
	gauge(descFaulty, float64(report.Faulty))
	known := report.Err == nil
	gauge(descSynchronized, truth(known && status.State == truetime.Synchronized))
	if known {
		offset := time.Duration(report.Interval.Midpoint() - report.Instant.Wall.UnixNano())
		gauge(descAgreed, float64(report.Agreed()))
		gauge(descOffset, offset.Seconds())
		gauge(descUncertainty, outward(report.Interval.Uncertainty(), offset))
		least, most := float64(report.Bound.Earliest.SlopePPB)/1e9, float64(report.Bound.Latest.SlopePPB)/1e9
		gauge(descFrequency, (least+most)/2)
		gauge(descRateWidth, up((most-least)/2))
	} else {
		gauge(descAgreed, 0)
	}
	for _, s := range report.Sources {
		c.collectSource(gauge, s)
	}
}

// look returns the state and what is known, of one moment as far as they can tell: a bound may come or go in between.
func (c *collector) look() (status truetime.Status, report ntpprobe.Report, err error) {
	for range 3 {
		status = c.clock.Status()
		if report, err = c.prober.Report(c.clock); err != nil || (report.Err == nil) == (status.Err == nil) {
			break
		}
	}
	return status, report, err
}

func (c *collector) collectSource(gauge func(*prometheus.Desc, float64, ...string), s ntpprobe.SourceStatus) {
	name := sourceLabel(s.Server)
	gauge(descSourceState, 1, name, string(s.State))
	gauge(descSourceReachable, truth(s.State != ntpprobe.Unreachable), name)
	if s.Header != nil {
		gauge(descSourceStratum, float64(s.Header.Stratum), name)
	}
	if e := s.Estimate; e != nil {
		gauge(descSourceOffset, e.Offset.Seconds(), name)
		gauge(descSourceDelay, e.Delay.Seconds(), name)
		gauge(descSourceErrorBound, outward(e.ErrorBound, e.Offset), name)
		if jitter, known := c.jitters.of(name); known {
			gauge(descSourceJitter, jitter, name)
		}
	}
}

// outward is a half width in seconds that is not below the true one in spite of what rounding takes from it and from the
// middle that is shown beside it.
func outward(half, middle time.Duration) float64 {
	m := middle.Abs().Seconds()
	return up(up(half.Seconds()) + (up(m) - m))
}

// up is the next number above x.
func up(x float64) float64 { return math.Nextafter(x, math.Inf(1)) }

// causes names the counts of Disproofs.
func causes(d ntpprobe.Disproofs) map[string]int {
	return map[string]int{"epoch": d.Epoch, "jump": d.Jump, "wander": d.Wander, "disagreement": d.Disagreement, "conflict": d.Conflict}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
