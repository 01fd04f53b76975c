package ntpprobe

import (
	"errors"
	"net/netip"

	"github.com/trueclock/trueclock/truetime"
)

// domain is what the sources of one failure domain say together: since they may
// lie together they count once, and since they all should be right their
// constraints are pooled.
type domain struct {
	span   span
	newest int64 // reading of the newest sample
}

// groups assigns each source with data to a failure domain: those that name the
// same one, and those that turned out to share an address, unless it is
// loopback, where ports tell servers apart. It returns a group number per
// source, −1 for a source without data.
func groups(sources []*source) []int {
	group := make([]int, len(sources))
	for i, s := range sources {
		group[i] = -1
		if s.window.empty() {
			continue
		}
		group[i] = i
		for j, other := range sources[:i] {
			if group[j] >= 0 && (s.domain == other.domain || sameHost(s.window.newest.Remote, other.window.newest.Remote)) {
				merge(group[:i+1], group[i], group[j])
			}
		}
	}
	return group
}

// merge gives the members of two groups one number.
func merge(group []int, from, to int) {
	for i := range group {
		if group[i] == from {
			group[i] = to
		}
	}
}

func sameHost(a, b netip.AddrPort) bool {
	return a.IsValid() && a.Addr() == b.Addr() && !a.Addr().IsLoopback()
}

// pool returns the domains that have data, at a reading.
func pool(sources []*source, nanos int64) []domain {
	var domains []domain
	number := map[int]int{} // group → index in domains
	for i, g := range groups(sources) {
		if g < 0 {
			continue
		}
		w := &sources[i].window
		d := domain{span: w.at(nanos), newest: w.newest.T4.Nanos}
		if d.span.unlimited() {
			continue // so old that 64 bits cannot hold what it still says
		}
		k, ok := number[g]
		if !ok {
			number[g] = len(domains)
			domains = append(domains, d)
			continue
		}
		domains[k].span = domains[k].span.intersect(d.span)
		domains[k].newest = max(domains[k].newest, d.newest)
	}
	return domains
}

// agree combines n domains of which f may lie, at most f of them contradicting
// themselves. Such a domain stays in the count and covers nothing, so that many
// liars are found already and the others are looked for among the rest. It
// returns the agreed interval and the number of domains that meet it.
func agree(domains []domain, f int) (truetime.Interval, int, error) {
	intervals, contradictory := split(domains)
	unknown := f - contradictory
	if len(domains) < 2*f+1 {
		unknown = f // too few whatever they say: Agree refuses and counts
	}
	agreement, err := truetime.Agree(intervals, unknown)
	var noQuorum *truetime.NoQuorumError
	if errors.As(err, &noQuorum) {
		noQuorum.Domains, noQuorum.Faulty = len(domains), f
		return truetime.Interval{}, 0, noQuorum
	}
	return agreement.Interval, len(agreement.Truechimers), err
}

// split separates the intervals from the domains that have none because their
// claims exclude each other.
func split(domains []domain) (intervals []truetime.Interval, contradictory int) {
	for _, d := range domains {
		if iv, err := truetime.NewInterval(d.span.lo, d.span.hi); err == nil {
			intervals = append(intervals, iv)
		} else {
			contradictory++
		}
	}
	return intervals, contradictory
}
