package doctor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/trueclock/trueclock/ntpprobe"
)

// upstream looks for servers that have their time from one place: they are wrong together, and
// count as if they were not.
func upstream(r ntpprobe.Report) Check {
	c := Check{
		Name: "independence", Limit: fmt.Sprintf("no upstream behind more than %d", max(r.Faulty, 1)),
		Why: "Servers with one upstream are wrong together when it is. If they are more than --max-faulty, the interval is wrong, too, and nothing shows it.",
		Do:  "Replace all but one of them by servers of other operators, give them one domain, or raise --max-faulty.",
	}
	var largest []string
	seen, behind := 0, ""
	for name, servers := range followers(r.Sources) {
		if seen++; len(servers) > len(largest) || len(servers) == len(largest) && name < behind {
			largest, behind = servers, name
		}
	}
	switch {
	case seen == 0 && usable(r) == 0:
		return c.found(Skip, "no server answers")
	case len(largest) <= max(r.Faulty, 1):
		return c.found(OK, "no common upstream is seen")
	case len(largest) == usable(r):
		return c.found(Warn, "all %d follow %s: %s", len(largest), behind, strings.Join(largest, ", "))
	}
	return c.found(Warn, "%d follow %s: %s", len(largest), behind, strings.Join(largest, ", "))
}

func usable(r ntpprobe.Report) int {
	n := 0
	for _, s := range r.Sources {
		if s.Estimate != nil {
			n++
		}
	}
	return n
}

// followers groups the servers, one of each failure domain, by the upstream that their reference id
// names. A server that is the upstream of others is in their group. An id on stratum 1
// names a kind of reference, and one of 127.x the server's own clock: these are nobody's upstream. Of
// an IPv6 upstream the id is a hash, which is as good for being equal.
func followers(sources []ntpprobe.SourceStatus) map[string][]string {
	groups := map[string][]string{}
	counted := map[string]bool{}
	add := func(upstream string, s ntpprobe.SourceStatus) {
		if key := upstream + " " + s.Domain; !counted[key] {
			counted[key] = true
			groups[upstream] = append(groups[upstream], s.Server.Address)
		}
	}
	for _, s := range sources {
		if id, ok := reference(s); ok {
			add(id.String(), s)
		}
	}
	for _, s := range sources {
		if address := s.Remote.Addr().Unmap(); s.Estimate != nil && address.IsValid() && groups[address.String()] != nil {
			add(address.String(), s)
		}
	}
	return groups
}

// reference is the upstream of a usable server, as an address.
func reference(s ntpprobe.SourceStatus) (netip.Addr, bool) {
	if s.Estimate == nil || s.Header == nil || s.Header.Stratum < 2 {
		return netip.Addr{}, false
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], s.Header.ReferenceID)
	id := netip.AddrFrom4(b)
	return id, !id.IsLoopback() && !id.IsUnspecified()
}
