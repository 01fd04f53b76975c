package hlc

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// MaxPeers is how many names UpdateFrom keeps; what others send is counted together
// under the name OtherPeers.
const MaxPeers = 1024

// OtherPeers stands in Stats for the peers after the first MaxPeers.
const OtherPeers = "(others)"

// PeerStats is what is known of a peer from the timestamps it sent.
//
// A timestamp cannot arrive before it was issued. So if it is ahead of the physical clock
// here, the two clocks differ by that much or more: Lead is a lower bound, for nothing.
// (A timestamp that is behind says nothing: it may have been long on its way.)
//
// HAZARD: the clock that is ahead may be that of another node, from which the peer heard. To
// find it compare physical clocks, such as by package ntpprobe.
type PeerStats struct {
	Peer    string
	Lead    time.Duration // of the last timestamp above the physical clock here; negative: below
	MaxLead time.Duration // the highest Lead so far, that of refused timestamps too
	Heard   uint64        // timestamps, with those refused
	Refused uint64
}

// peers is a table with a bound. The zero value is ready.
type peers struct {
	mu     sync.Mutex
	byName map[string]*PeerStats
}

// heard takes down a timestamp with the given wall time that came at physical time pt ≥ 0.
func (p *peers) heard(name string, wall, pt int64, refused bool) {
	lead := time.Duration(max(wall, 0) - pt)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.entry(name, lead)
	s.Lead = lead
	s.MaxLead = max(s.MaxLead, lead)
	s.Heard++
	if refused {
		s.Refused++
	}
}

func (p *peers) entry(name string, lead time.Duration) *PeerStats {
	s := p.byName[name]
	if s == nil && len(p.byName) >= MaxPeers {
		name = OtherPeers
		s = p.byName[name]
	}
	if s == nil {
		if p.byName == nil {
			p.byName = map[string]*PeerStats{}
		}
		s = &PeerStats{Peer: name, MaxLead: lead}
		p.byName[name] = s
	}
	return s
}

// stats returns a copy, the furthest ahead first.
func (p *peers) stats() []PeerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []PeerStats
	for _, s := range p.byName {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b PeerStats) int {
		return cmp.Or(cmp.Compare(b.MaxLead, a.MaxLead), cmp.Compare(a.Peer, b.Peer))
	})
	return all
}
