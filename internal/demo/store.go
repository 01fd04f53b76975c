package demo

import (
	"math"
	"slices"
	"sync"

	"github.com/trueclock/trueclock/hlc"
)

// store keeps every version of every value, in memory: the store that takes timestamps from outside
// in the lessons about commits. It neither waits nor locks anybody out.
type store struct {
	mu       sync.Mutex
	versions map[string][]version // by timestamp, ascending
}

type version struct {
	ts    hlc.Timestamp
	value int64
}

func newStore() *store { return &store{versions: map[string][]version{}} }

// write adds a version.
func (s *store) write(ts hlc.Timestamp, key string, value int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.versions[key]
	above := len(all)
	for above > 0 && all[above-1].ts.After(ts) {
		above--
	}
	s.versions[key] = slices.Insert(all, above, version{ts, value})
}

// newest returns the value above all, 0 if there is none. Whoever asks holds the lock of the key.
func (s *store) newest(key string) int64 {
	return s.read(hlc.Timestamp{WallTime: math.MaxInt64, Logical: math.MaxUint32}, key)
}

// read returns the newest value at or below ts, 0 if there is none.
func (s *store) read(ts hlc.Timestamp, key string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.versions[key]
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].ts.After(ts) {
			return all[i].value
		}
	}
	return 0
}

// newestStamp is the highest timestamp of a key; zero if there is none.
func (s *store) newestStamp(key string) hlc.Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.versions[key]; len(all) > 0 {
		return all[len(all)-1].ts
	}
	return hlc.Timestamp{}
}

// newestUntil is the highest timestamp of a key that is not above one; zero if there is none.
func (s *store) newestUntil(until hlc.Timestamp, key string) hlc.Timestamp {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range slices.Backward(s.versions[key]) {
		if !v.ts.After(until) {
			return v.ts
		}
	}
	return hlc.Timestamp{}
}
