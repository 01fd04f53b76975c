package pause

import (
	"io/fs"
	"math"
	"runtime/metrics"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// machine is the one that this process runs on.
type machine struct {
	root   fs.FS // /, nil where the kernel keeps no accounts that we can read
	mounts []cgroupMount
	gc     []metrics.Sample
	sched  schedstat
}

func newMachine() *machine {
	m := &machine{root: root(), gc: []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}}
	if m.root != nil {
		m.mounts, m.sched.root = cgroupMounts(m.root), m.root
	}
	return m
}

// look reads the clocks first: whatever happens afterwards belongs to the next period.
func (m *machine) look() (clocks.Sandwich, reading, error) {
	s, err := clocks.Glance()
	if err != nil {
		return clocks.Sandwich{}, reading{}, err
	}
	used, err := processCPU()
	if err != nil {
		return clocks.Sandwich{}, reading{}, err
	}
	metrics.Read(m.gc)
	r := reading{mono: s.Mono, wall: s.Reading(clocks.Realtime), cpu: used}
	if m.gc[0].Value.Kind() == metrics.KindFloat64Histogram {
		r.gc = total(m.gc[0].Value.Float64Histogram())
	}
	if m.root != nil {
		if thread := threadID(); thread != 0 {
			if d, ok := m.sched.waited(thread); ok {
				r.thread, r.waited = thread, d
			}
		}
	}
	return s, r, nil
}

// total is the time that all entries of a histogram of seconds took, at least: each counts as
// the lower end of its bucket, which is at most a fifth too little.
func total(h *metrics.Float64Histogram) time.Duration {
	var seconds float64
	for i, count := range h.Counts {
		if least := h.Buckets[i]; least > 0 && !math.IsInf(least, 0) {
			seconds += least * float64(count)
		}
	}
	return time.Duration(seconds * 1e9)
}

func (m *machine) accounts() *accounts {
	if m.root == nil {
		return nil
	}
	return &accounts{throttled: throttled(m.root, m.mounts), stolen: stolen(m.root)}
}

// close gives back what look keeps open. It may look again afterwards.
func (m *machine) close() { m.sched.close() }
