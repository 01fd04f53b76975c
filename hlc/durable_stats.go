package hlc

import (
	"slices"
	"sync"
	"time"
)

// DurableStats are counts since the start.
type DurableStats struct {
	Bound    Timestamp     // durable now
	Window   time.Duration // how far it reaches above the last timestamp when it is renewed
	Renewals uint64        // of the bound, failed ones too
	Waited   uint64        // calls that had to wait for one
	WriteP99 time.Duration // of the last 128 renewals
	WriteMax time.Duration // of all
}

type durableStats struct {
	mu       sync.Mutex
	renewals uint64
	longest  time.Duration
	recent   [128]time.Duration
}

func (s *durableStats) add(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent[s.renewals%uint64(len(s.recent))] = took
	s.renewals++
	s.longest = max(s.longest, took)
}

// p99 is for whoever holds the mutex.
func (s *durableStats) p99() time.Duration {
	n := int(min(s.renewals, uint64(len(s.recent))))
	if n == 0 {
		return 0
	}
	sorted := slices.Clone(s.recent[:n])
	slices.Sort(sorted)
	return sorted[(n*99-1)/100]
}

// Stats returns the counts. A Window below 100 times WriteP99 makes calls wait.
func (d *Durable) Stats() DurableStats {
	d.stats.mu.Lock()
	defer d.stats.mu.Unlock()
	return DurableStats{
		Bound: d.bound(), Window: d.window, Renewals: d.stats.renewals,
		Waited: d.ahead.Waited(), WriteP99: d.stats.p99(), WriteMax: d.stats.longest,
	}
}
