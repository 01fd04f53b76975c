package pause

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkMonitor_CPU: what share of one CPU the monitor takes, with a second for each turn, and
// what the process takes without it.
func BenchmarkMonitor_CPU(b *testing.B) {
	for name, watched := range map[string]bool{"watched": true, "unwatched": false} {
		b.Run(name, func(b *testing.B) {
			m, err := New(Options{Notify: func(Finding) {}})
			require.NoError(b, err)
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() {
				if watched {
					ended <- m.Run(ctx)
				}
				close(ended)
			}()
			before, err := processCPU()
			require.NoError(b, err)
			began := time.Now()
			for b.Loop() {
				<-time.After(time.Second)
			}
			took := time.Since(began)
			after, err := processCPU()
			require.NoError(b, err)
			b.ReportMetric(float64(after-before)/float64(took)*100, "%cpu")
			cancel()
			require.NoError(b, <-ended)
		})
	}
}

// BenchmarkMonitor_Detection: how long after the end of a SIGSTOP of 500 ms the callback is called.
func BenchmarkMonitor_Detection(b *testing.B) {
	p := launch(b, "idle")
	var took []time.Duration
	for b.Loop() {
		line := p.during(b, Stopped, 500*ms, func() { p.sigstop(b) }, func() { p.sigcont(b) })
		took = append(took, time.Duration(line.Mono))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "ms-median")
	b.ReportMetric(float64(took[len(took)-1])/1e6, "ms-max")
}

// BenchmarkLook and BenchmarkAccounts: the work of a period, and that of a second.
func BenchmarkLook(b *testing.B) {
	m := newMachine()
	defer m.close()
	for b.Loop() {
		_, _, _ = m.look()
	}
}

func BenchmarkAccounts(b *testing.B) {
	m := newMachine()
	for b.Loop() {
		_ = m.accounts()
	}
}
