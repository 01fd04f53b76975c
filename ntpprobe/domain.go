package ntpprobe

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"

	"github.com/trueclock/trueclock/truetime"
)

// domain is what the sources of one failure domain say together: since they may
// lie together they count once, and since they all should be right their
// constraints are pooled.
type domain struct {
	members []*source
	rates   rates
	absurd  bool  // its rates exclude each other
	span    span  // at the reading in question
	newest  int64 // reading of the newest sample
}

// groups assigns each source with data to a failure domain: those that name the
// same one, and those that turned out to share an address; on loopback, where ports
// tell servers apart, an address and a port. It returns a group number per
// source, −1 for a source without data.
func groups(sources []*source) []int {
	group := make([]int, len(sources))
	named, hosted := map[string]int{}, map[netip.AddrPort]int{}
	for i, s := range sources {
		if group[i] = -1; s.window.empty() {
			continue
		}
		g, known := named[s.domain]
		if !known {
			g = i
			named[s.domain] = g
		}
		group[i] = g
		host, ok := hostOf(s.window.newest.Remote)
		if !ok {
			continue
		}
		if other, known := hosted[host]; known && other != g {
			merge(group[:i+1], named, hosted, g, other)
		} else {
			hosted[host] = g
		}
	}
	return group
}

// hostOf is by what servers that answered are told apart.
func hostOf(remote netip.AddrPort) (netip.AddrPort, bool) {
	if !remote.IsValid() {
		return remote, false
	}
	host := plainHost(remote.Addr())
	if host.IsLoopback() {
		return netip.AddrPortFrom(host, remote.Port()), true
	}
	return netip.AddrPortFrom(host, 0), true
}

// merge gives two groups one number.
func merge(group []int, named map[string]int, hosted map[netip.AddrPort]int, from, to int) {
	for i := range group {
		if group[i] == from {
			group[i] = to
		}
	}
	for k, g := range named {
		if g == from {
			named[k] = to
		}
	}
	for k, g := range hosted {
		if g == from {
			hosted[k] = to
		}
	}
}

// pool returns the domains that have data.
func pool(sources []*source) []domain {
	var domains []domain
	number := map[int]int{} // group → index in domains
	for i, g := range groups(sources) {
		if g < 0 {
			continue
		}
		k, ok := number[g]
		if !ok {
			k = len(domains)
			number[g] = k
			domains = append(domains, domain{newest: sources[i].window.newest.T4.Nanos})
		}
		d := &domains[k]
		d.members = append(d.members, sources[i])
		d.newest = max(d.newest, sources[i].window.newest.T4.Nanos)
	}
	for i := range domains {
		domains[i].rates = domains[i].pairRates()
	}
	return domains
}

// pairRates looks at the pairs within the domain, also across its members.
func (d *domain) pairRates() rates {
	if len(d.members) == 1 {
		return d.members[0].window.rates()
	}
	var upper, lower []constraint
	for _, m := range d.members {
		upper, lower = append(upper, m.window.upper...), append(lower, m.window.lower...)
	}
	byReading := func(a, b constraint) int { return cmp.Compare(a.at, b.at) }
	slices.SortFunc(upper, byReading)
	slices.SortFunc(lower, byReading)
	return pairRates(upper, lower)
}

// place computes the span of each domain at a reading, and leaves out those so
// old that 64 bits cannot hold what they still say.
func place(domains []domain, nanos int64, s slopes) []domain {
	for i := range domains {
		d := &domains[i]
		d.span = d.members[0].window.at(nanos, s)
		for _, m := range d.members[1:] {
			d.span = d.span.tighten(m.window.at(nanos, s))
		}
	}
	return slices.DeleteFunc(domains, func(d domain) bool { return d.span.unlimited() })
}

// interval is what the domain covers; false if its claims exclude each other.
func (d *domain) interval() (truetime.Interval, bool) {
	iv, err := truetime.NewInterval(d.span.lo, d.span.hi)
	return iv, err == nil && !d.absurd
}

// contradictory counts the domains whose claims exclude each other.
func contradictory(domains []domain) int {
	n := 0
	for i := range domains {
		if _, ok := domains[i].interval(); !ok {
			n++
		}
	}
	return n
}

// agree combines n domains of which f may lie, at most f of them contradicting
// themselves. Such a domain stays in the count and covers nothing, so that many
// liars are found already and the others are looked for among the rest. It
// returns the agreed interval and the number of domains that meet it.
func agree(domains []domain, f int) (truetime.Interval, int, error) {
	var intervals []truetime.Interval
	for i := range domains {
		if iv, ok := domains[i].interval(); ok {
			intervals = append(intervals, iv)
		}
	}
	unknown := f - (len(domains) - len(intervals))
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
