package promclock

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// samplePause is how often Run looks at the width.
const samplePause = time.Second

// Metrics counts what happens while a prober runs. Make one with New. It is safe for
// concurrent use.
type Metrics struct {
	packets  *prometheus.CounterVec
	widths   prometheus.Histogram
	jitters  jitters
	lastSync atomic.Int64 // true time in unix ns; 0: never
}

// New returns metrics that have seen nothing yet.
func New() *Metrics {
	return &Metrics{
		packets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ntpprobe_packets_total",
			Help: "Exchanges with each server, by what became of them: accepted, or the reason why not.",
		}, []string{"source", "result"}),
		widths: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:                        "truetime_uncertainty_distribution_seconds",
			Help:                        "Half width of the interval, looked at once a second while there is one.",
			Buckets:                     prometheus.ExponentialBuckets(1e-6, 4, 13), // 1 µs to 17 s
			NativeHistogramBucketFactor: 1.1,
		}),
	}
}

// Exchange counts an exchange. It is for ntpprobe.Config.OnExchange.
func (m *Metrics) Exchange(x ntpprobe.Exchange) {
	source := sourceLabel(x.Server)
	m.packets.WithLabelValues(source, result(x.Err)).Inc()
	if x.Err == nil {
		m.jitters.add(source, x.Sample)
	}
}

// result is a fixed word, whatever a server says: a kiss code is the server's own and left out.
func result(err error) string {
	var rejected *ntpprobe.RejectedError
	switch {
	case err == nil:
		return "accepted"
	case errors.As(err, &rejected):
		reason, _, _ := strings.Cut(string(rejected.Reason), ":")
		return reason
	}
	return "internal"
}

// sourceLabel is the address as host:port.
func sourceLabel(s ntpprobe.Server) string {
	if name, err := s.Canonical(); err == nil {
		return name
	}
	return s.Address
}

// Sample looks at the width of the interval once, and does nothing without an
// interval. Call it at a steady pace, so that the distribution is one over time; Run does.
func (m *Metrics) Sample(clock *truetime.Clock) {
	status := clock.Status()
	if status.Err == nil {
		m.widths.Observe(status.Interval.Uncertainty().Seconds())
	}
	m.remember(status)
}

// remember notes when the last bound was made that was fresh, by true time.
func (m *Metrics) remember(s truetime.Status) {
	if s.Err == nil && s.State == truetime.Synchronized {
		m.lastSync.Store(s.Interval.Midpoint() - int64(s.Age))
	}
}

// Run calls Sample once a second until ctx ends and returns its cause.
func (m *Metrics) Run(ctx context.Context, clock *truetime.Clock) error {
	ticker := time.NewTicker(samplePause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			m.Sample(clock)
		}
	}
}
