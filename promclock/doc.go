// Package promclock shows a [truetime.Clock] and its [ntpprobe.Prober] to Prometheus: the
// metrics that clockctl serve has, for programs that use the library themselves.
//
// The library knows no Prometheus. Make a [Metrics] first, give its Exchange to the
// prober's configuration, and register what Collector returns:
//
//	metrics := promclock.New()
//	prober, err := ntpprobe.New(ntpprobe.Config{…, OnExchange: metrics.Exchange})
//	registry.MustRegister(metrics.Collector(clock, prober))
//	go metrics.Run(ctx, clock) // samples the width once a second
//
// HLC and Commits do the same for a hybrid clock and a committer, and Waits for its commit waits:
//
//	waits := promclock.NewWaits()
//	committer, err := commitwait.New(clock, events, commitwait.Options{OnWait: waits.Observe})
//	registry.MustRegister(promclock.HLC(events), promclock.Commits(committer, clock), waits)
//
// Everything is in base units: seconds and plain ratios. An offset is reference − local, so a
// positive one means that the local clock is slow. What is unknown has no sample, so an
// alert on a value needs one on its absence. Labels are bounded: the servers of the
// configuration, and fixed words.
package promclock
