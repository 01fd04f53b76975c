package doctor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// smearing are public servers whose operators say that they smear leap seconds. Sources:
// developers.google.com/time/smear, the pages of Meta's and Amazon's time services.
var smearing = []string{"time.google.com", "time1.google.com", "time2.google.com", "time3.google.com", "time4.google.com",
	"time.facebook.com", "time1.facebook.com", "time2.facebook.com", "time3.facebook.com", "time4.facebook.com", "time5.facebook.com",
	"time.aws.com", "169.254.169.123", "fd00:ec2::123"}

// nearMonthEnd is how far from the end of a month a smear may last: a day, and room for who begins early.
const nearMonthEnd = 36 * time.Hour

// smear looks for servers on two time scales: by what they show, by their names, and by how they
// disagree near the end of a month.
func smear(r ntpprobe.Report) Check {
	c := Check{
		Name: "smear", Limit: "all on one time scale",
		Why: "Some servers spread a leap second over a day. For that day they are up to a second from the others, and both kinds are right: their agreement is meaningless (RFC 8633 §3.7.1).",
		Do:  "Use only servers that smear in the same way, or only such that do not.",
	}
	var shown, named, plain []string
	for _, s := range r.Sources {
		switch {
		case s.Reason == ntpprobe.ReasonSmear:
			shown = append(shown, s.Server.Address)
		case s.Server.Smear == "" && smearsByName(s.Server.Address):
			named = append(named, s.Server.Address)
		default:
			plain = append(plain, s.Server.Address)
		}
	}
	switch {
	case len(shown) > 0:
		return c.found(Warn, "%s %s now, and the server was not declared to", strings.Join(shown, ", "), plural(len(shown), "smears", "smear"))
	case len(named) > 0 && len(plain) > 0:
		return c.found(Warn, "%s %s leap seconds, %s probably %s not", strings.Join(named, ", "), plural(len(named), "smears", "smear"), strings.Join(plain, ", "), plural(len(plain), "does", "do"))
	}
	if gap, found := twoCamps(r.Sources); found {
		return c.found(Warn, "near the end of a month the servers are in two camps %v apart, as smeared and unsmeared ones are", short(gap))
	}
	if usable(r) == 0 {
		return c.found(Skip, "no server answers")
	}
	return c.found(OK, "no sign of two time scales")
}

func smearsByName(address string) bool {
	name, err := ntpprobe.Server{Address: address}.Canonical()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(smearing, func(known string) bool {
		other, err := ntpprobe.Server{Address: known}.Canonical()
		return err == nil && name == other
	})
}

// twoCamps reports whether the sources form exactly two groups of at least two, each at one, less than
// about a second apart, near the end of a month of UTC by their own account.
func twoCamps(sources []ntpprobe.SourceStatus) (gap time.Duration, found bool) {
	var known []ntpprobe.SourceStatus
	for _, s := range sources {
		if s.Estimate != nil {
			known = append(known, s)
		}
	}
	slices.SortFunc(known, func(a, b ntpprobe.SourceStatus) int {
		return cmp.Compare(a.Estimate.Interval.EarliestUnixNano(), b.Estimate.Interval.EarliestUnixNano())
	})
	var camps [][2]int64 // where each begins and ends
	var members []int
	for _, s := range known {
		from, to := s.Estimate.Interval.EarliestUnixNano(), s.Estimate.Interval.LatestUnixNano()
		last := len(camps) - 1
		if last < 0 || from > camps[last][1] {
			camps, members = append(camps, [2]int64{from, to}), append(members, 1)
			continue
		}
		camps[last][1] = max(camps[last][1], to)
		members[last]++
	}
	if len(camps) != 2 || min(members[0], members[1]) < 2 || !monthEnds(camps[0][0]) {
		return 0, false
	}
	gap = time.Duration(camps[1][0] - camps[0][1])
	return gap, gap <= time.Second
}

// monthEnds reports whether a month of UTC begins near this moment.
func monthEnds(nanos int64) bool {
	t := time.Unix(0, nanos).UTC()
	begin := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return t.Sub(begin) < nearMonthEnd || begin.AddDate(0, 1, 0).Sub(t) < nearMonthEnd
}
