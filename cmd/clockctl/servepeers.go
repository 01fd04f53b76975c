package main

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/trueclock/trueclock/internal/skew"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

const (
	peerPause = 15 * time.Second // between two rounds of questions
	mostPeers = 64               // asked at once, and as many labels
)

// peers are other nodes that run serve, and how far their clocks can be from this one's. It is safe for concurrent use.
type peers struct {
	names, urls []string // as they were given, and where their intervals are
	local       truetime.LocalClock
	timeout     time.Duration
	self        func() (ntpprobe.Report, error)

	mu    sync.Mutex
	pairs []skew.Pair // this node against each, by the last round
}

func newPeers(names []string, local truetime.LocalClock, timeout time.Duration, self func() (ntpprobe.Report, error)) (*peers, error) {
	urls, err := peerURLs(names)
	if err == nil && len(names) > mostPeers {
		err = &usageError{fmt.Errorf("%d peers are too many; at most %d", len(names), mostPeers)}
	}
	p := &peers{names: names, urls: urls, local: truetime.Strict(local), timeout: timeout, self: self, pairs: make([]skew.Pair, len(urls))}
	for i := range p.pairs {
		p.pairs[i].State = skew.Unknown
	}
	return p, err
}

// run asks them again and again until ctx ends; while this node has no interval it looks for that instead, since there is
// nothing to compare.
func (p *peers) run(ctx context.Context) {
	if len(p.urls) == 0 {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		pause := peerPause
		if !p.round(ctx) {
			pause = time.Second
		}
		timer.Reset(pause)
	}
}

// round asks each once, all at the same time, and returns whether this node had something to compare them with.
func (p *peers) round(ctx context.Context) (known bool) {
	pairs := make([]skew.Pair, len(p.urls))
	known = p.node().Known
	var asking sync.WaitGroup
	for i, url := range p.urls {
		if pairs[i].State = skew.Unknown; !known {
			continue
		}
		asking.Go(func() {
			answer := askPeer(ctx, p.local, url, p.timeout)
			pairs[i] = skew.Compare(p.node(), answer.node, 0)
		})
	}
	asking.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs = pairs
	return known
}

// node is what this node says of itself now.
func (p *peers) node() skew.Node {
	r, err := p.self()
	if err != nil || r.Err != nil {
		return skew.Node{}
	}
	return skew.Node{
		Known: true, Read: r.Instant.Wall.UnixNano(), Earliest: r.Interval.EarliestUnixNano(), Latest: r.Interval.LatestUnixNano(),
		Sent: r.Instant.Before, Got: r.Instant.After,
	}
}

var (
	descPeerSkew = prometheus.NewDesc("clockctl_peer_skew_seconds",
		"The clock of this node minus that of a peer, at the newest question: from edge min to edge max. Positive: this one is ahead.", []string{"peer", "edge"}, nil)
	descPeerState = prometheus.NewDesc("clockctl_peer_state_info",
		"What is known of a peer: compared; disproved: its interval and that of this node cannot both be true; unknown: one of them has none.", []string{"peer", "state"}, nil)
)

// Describe sends both descriptions.
func (p *peers) Describe(out chan<- *prometheus.Desc) {
	out <- descPeerSkew
	out <- descPeerState
}

// Collect leaves out the skew of a peer of which nothing is known.
func (p *peers) Collect(out chan<- prometheus.Metric) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, pair := range p.pairs {
		gauge := func(d *prometheus.Desc, value float64, label string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, p.names[i], label)
		}
		if pair.State == skew.Unknown || pair.State == skew.Disproved {
			gauge(descPeerState, 1, string(pair.State))
			continue
		}
		gauge(descPeerState, 1, "compared")
		gauge(descPeerSkew, math.Nextafter(pair.Min.Seconds(), math.Inf(-1)), "min")
		gauge(descPeerSkew, math.Nextafter(pair.Max.Seconds(), math.Inf(1)), "max")
	}
}
