package promclock_test

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/promclock"
	"github.com/trueclock/trueclock/truetime"
)

// A program that has a clock and a prober registers one collector.
func ExampleMetrics() {
	local, err := truetime.NewLocalClock()
	if err != nil {
		fmt.Println(err)
		return
	}
	metrics := promclock.New()
	prober, err := ntpprobe.New(ntpprobe.Config{Servers: ntpprobe.Servers("ntp1.example.net"), Local: local, OnExchange: metrics.Exchange})
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := truetime.New(local, truetime.Options{})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.Collector(clock, prober))
	// go prober.Run(ctx, clock.Update); go metrics.Run(ctx, clock)

	families, err := registry.Gather()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, family := range families {
		if family.GetName() == "clockctl_synchronized" {
			fmt.Println(family.GetName(), family.Metric[0].Gauge.GetValue())
		}
	}
	// Output: clockctl_synchronized 0
}
