package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/serve"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/promclock"
	"github.com/trueclock/trueclock/truetime"
)

// service is a prober, its clock, and what is said about them. It does not run yet.
type service struct {
	prober   *ntpprobe.Prober
	clock    *truetime.Clock
	metrics  *promclock.Metrics
	registry *prometheus.Registry
	peers    *peers
	past     serve.History
	began    time.Time // where the clock of past begins
}

func newService(cmd *cobra.Command, s streams, p *probing, args, peers []string) (*service, error) {
	o, err := p.options(cmd, s, args)
	if err == nil && p.judged != nil {
		err = &usageError{errors.New("name the servers as arguments or by --targets, not both; to measure targets against servers use clockctl probe")}
	}
	if err != nil {
		return nil, err
	}
	v := &service{clock: truetime.New(o.Local, truetime.Options{}), metrics: promclock.New(), registry: prometheus.NewRegistry(), began: time.Now()}
	v.prober, err = ntpprobe.New(ntpprobe.Config{
		Servers: o.Servers, Local: o.Local, Assumptions: o.Assumptions, Poll: p.poll(o), OnExchange: v.metrics.Exchange,
	})
	if err != nil {
		return nil, err
	}
	v.peers, err = newPeers(peers, o.Local, o.Timeout, func() (ntpprobe.Report, error) { return v.prober.Report(v.clock) })
	if err != nil {
		return nil, err
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "clockctl_build_info", Help: "The version that runs.", ConstLabels: prometheus.Labels{"version": moduleVersion()},
	})
	build.Set(1)
	for _, c := range []prometheus.Collector{build, v.metrics.Collector(v.clock, v.prober), promclock.Kernel(), v.peers} {
		if err := v.registry.Register(c); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// run asks the servers and the peers, and remembers what comes of it, until ctx ends.
func (v *service) run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { _ = v.prober.Run(ctx, v.clock.Update) }) // its error is that of ctx
	running.Go(func() { _ = v.metrics.Run(ctx, v.clock) })
	running.Go(func() { v.peers.run(ctx) })
	running.Go(func() { v.remember(ctx, v.began) })
	running.Wait()
}

func (v *service) config(g serving) serve.Config {
	return serve.Config{
		Interval: v.interval,
		Sources:  v.sources,
		Live:     v.live,
		History:  func() any { return v.history(time.Since(v.began)) },
		Metrics: promhttp.HandlerFor(v.registry, promhttp.HandlerOpts{
			EnableOpenMetrics: true, MaxRequestsInFlight: 8, Timeout: 10 * time.Second,
		}),
		Listeners: g.listeners,
		Hosts:     g.hosts,
	}
}

// serveIntervalJSON is the object of /api/v1/interval: that of now, and two keys more.
type serveIntervalJSON struct {
	resultJSON
	Offset       *int64 `json:"offset_ns"`
	SourcesTotal int    `json:"sources_total"`
}

// liveJSON is an event: what both objects say, of one moment.
type liveJSON struct {
	serveIntervalJSON
	Forecast []holdoverJSON `json:"forecast"`
	Expires  *int64         `json:"expires_in_ns"` // after which there is no interval, if no server answers from now on
}

// holdoverJSON is how uncertain the time will be if no server answers from now on; null if
// nothing will be known any more.
type holdoverJSON struct {
	After       int64  `json:"after_ns"`
	Uncertainty *int64 `json:"uncertainty_ns"`
}

// report returns the object of probe with the status, and what it was made of.
func (v *service) report() (resultJSON, ntpprobe.Report, error) {
	report, err := v.prober.Report(v.clock)
	status := v.clock.Status()
	for range 3 { // a bound may have come or gone in between
		if err != nil || (report.Err == nil) == (status.Err == nil) {
			break
		}
		report, err = v.prober.Report(v.clock)
		status = v.clock.Status()
	}
	if err != nil { // the local clock cannot be read
		o := failedJSON("probe", "json", "internal", err)
		o.Status = truetime.Disrupted.String()
		return o, report, err
	}
	o := reportJSON(report)
	o.Status = status.State.String()
	return o, report, judge(report)
}

func (v *service) served() (serveIntervalJSON, ntpprobe.Report, error) {
	o, report, err := v.report()
	served := serveIntervalJSON{resultJSON: o, SourcesTotal: len(report.Sources)}
	if err == nil {
		served.Offset = ptr(report.Interval.Midpoint() - report.Instant.Wall.UnixNano())
	}
	return served, report, err
}

func (v *service) interval() (any, error) {
	o, _, err := v.served()
	o.Sources, o.Basis = nil, nil
	if err != nil {
		err = errors.New(firstLine(err))
	}
	return o, err
}

// sources is the object of probe, which has no status.
func (v *service) sources() any {
	o, _, _ := v.report()
	o.Status = ""
	return o
}

func (v *service) live() any {
	o, report, err := v.served()
	live := liveJSON{serveIntervalJSON: o, Forecast: []holdoverJSON{}}
	if err == nil {
		at := report.Instant.After
		live.Forecast, live.Expires = holdover(report.Bound, at), ptr(report.Bound.Expires-at.Nanos)
	}
	return live
}

// holdover follows the two lines of a bound from a reading on.
func holdover(b truetime.Bound, now truetime.Reading) []holdoverJSON {
	var list []holdoverJSON
	for _, after := range []time.Duration{time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour} {
		o := holdoverJSON{After: int64(after)}
		if uncertainty, known := uncertaintyAfter(b, now, after); known {
			o.Uncertainty = ns(uncertainty)
		}
		list = append(list, o)
	}
	return list
}

// uncertaintyAfter is how wide a bound will be some time after a reading, at its own slopes; known is
// false if it has expired then.
func uncertaintyAfter(b truetime.Bound, now truetime.Reading, after time.Duration) (uncertainty time.Duration, known bool) {
	interval, err := b.Interval(truetime.Reading{Nanos: now.Nanos + int64(after), Epoch: now.Epoch})
	return interval.Uncertainty(), err == nil
}

// moduleVersion is the label of clockctl_build_info.
func moduleVersion() string {
	if b := buildVersion(); b.Version != nil {
		return *b.Version
	}
	return "unknown"
}
