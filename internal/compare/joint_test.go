package compare

import (
	"math"
	"slices"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// joint is the best that any sound method can say about the samples under the same
// assumptions: every set of n − f servers that can all be honest is taken for the honest one in turn, and
// the answer is the hull of what they leave. Within a set all pairs of
// constraints count, also of different servers. It is the judge and not a product: the number of
// sets grows with n over f, and all pairs of all samples are looked at.
type joint struct {
	driftPPB, wanderPPB float64
	origin              int64
	sets                []*jointSet
}

// jointSet is one set of servers that may be the honest ones. Times are nanoseconds since
// the origin, values θ = true time − local clock, rates dimensionless.
type jointSet struct {
	members      map[string]bool
	upper, lower []point
	least, most  float64 // of the fixed rate F, before the wander is allowed for
	feasible     bool
}

type point struct{ at, theta float64 }

// newJoint is for at most one liar.
func newJoint(servers []ntpprobe.Server, f int, driftPPB, wanderPPB int64, origin int64) *joint {
	j := &joint{driftPPB: float64(driftPPB), wanderPPB: float64(wanderPPB), origin: origin}
	for out := range servers {
		if f == 0 {
			out = -1
		}
		set := &jointSet{members: map[string]bool{}, least: math.Inf(-1), most: math.Inf(1), feasible: true}
		for i, s := range servers {
			set.members[s.Address] = i != out
		}
		if j.sets = append(j.sets, set); f == 0 {
			break
		}
	}
	return j
}

// add takes a sample into account.
func (j *joint) add(s ntpprobe.Sample) {
	if s.Check(ntpprobe.Limits{}) != nil {
		return
	}
	e := int64(s.RootDistance())
	up := point{float64(s.T1.Nanos - j.origin), float64(s.T2 - s.T1.Nanos + e)}
	down := point{float64(s.T4.Nanos - j.origin), float64(s.T3 - s.T4.Nanos - e)}
	for _, set := range j.sets {
		if set.members[s.Server.Address] {
			set.add(up, down)
		}
	}
}

func (set *jointSet) add(up, down point) {
	set.upper, set.lower = append(set.upper, up), append(set.lower, down)
	for _, u := range set.upper {
		set.pair(u, down)
	}
	for _, l := range set.lower[:len(set.lower)-1] {
		set.pair(up, l)
	}
}

// pair is what an upper and a lower constraint say about the rate.
func (set *jointSet) pair(u, l point) {
	switch room, d := u.theta-l.theta, u.at-l.at; {
	case d > 0:
		set.most = min(set.most, room/d)
	case d < 0:
		set.least = max(set.least, room/d)
	case room < 0:
		set.feasible = false
	}
}

// looks is Replay with this judge in place of the estimator.
func (j *joint) looks(samples []ntpprobe.Sample, moments []int64) []Look {
	samples = slices.SortedStableFunc(slices.Values(samples), byArrival)
	looks := make([]Look, len(moments))
	for i, moment := range moments {
		for ; len(samples) > 0 && samples[0].T4.Nanos <= moment; samples = samples[1:] {
			j.add(samples[0])
		}
		lo, hi := j.span(moment)
		if looks[i] = (Look{Missing: lo > hi || math.IsInf(hi-lo, 1)}); !looks[i].Missing {
			looks[i] = Look{Half: time.Duration((hi - lo) / 2), Outside: lo > 0 || hi < 0}
		}
	}
	return looks
}

// span is what is possible for true time − local clock at a moment, in nanoseconds;
// inverted if no set of servers can be honest.
func (j *joint) span(moment int64) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, set := range j.sets {
		if l, h, ok := set.at(float64(moment-j.origin), j.driftPPB*1e-9, j.wanderPPB*1e-9); ok {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return lo, hi
}

// at is what one set leaves at a moment after all its samples, if it can be honest:
// everything as long as it has none.
func (set *jointSet) at(at, drift, wander float64) (lo, hi float64, ok bool) {
	most, least := min(drift, set.most+wander), max(-drift, set.least-wander)
	up, down := min(most+wander, drift), max(least-wander, -drift)
	lo, hi = math.Inf(-1), math.Inf(1)
	for _, p := range set.upper {
		hi = min(hi, p.theta+up*(at-p.at))
	}
	for _, p := range set.lower {
		lo = max(lo, p.theta+down*(at-p.at))
	}
	return lo, hi, set.feasible && least <= most && lo <= hi
}
