package promclock

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/internal/timex"
)

var descKernelError = describe("clockctl_kernel_max_error_seconds", "What the kernel says the error of its clock is at most; absent if nobody keeps that clock, or the system does not say. No input to any interval here.")

// Kernel returns what the kernel says of the operating system's clock, for comparison: it is what a time daemon wrote there, grown
// since, and it is left out while no daemon keeps the clock, as in most containers. It only reads.
func Kernel() prometheus.Collector { return kernelCollector{timex.Read} }

type kernelCollector struct {
	read func() (timex.Kernel, error)
}

func (kernelCollector) Describe(out chan<- *prometheus.Desc) { out <- descKernelError }

// Collect leaves out the 16 s that stand for "unsynchronized": they are no bound.
func (c kernelCollector) Collect(out chan<- prometheus.Metric) {
	if k, err := c.read(); err == nil && k.Synchronized() {
		out <- prometheus.MustNewConstMetric(descKernelError, prometheus.GaugeValue, outward(k.MaxError, 0))
	}
}
