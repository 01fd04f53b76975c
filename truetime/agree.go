package truetime

import (
	"cmp"
	"fmt"
	"slices"
)

// Agreement is what n sources say together when up to Faulty of them may lie.
type Agreement struct {
	// Interval is the hull of all points that lie in at least n − Faulty of the
	// n intervals. It contains true time if at most Faulty of them do not.
	Interval Interval
	// Faulty is f, as it was asked for.
	Faulty int
	// Truechimers and Falsetickers are indexes into the argument of Agree, in
	// ascending order. A falseticker misses Interval, so it is disproved; a
	// truechimer meets it, which proves nothing about it.
	Truechimers, Falsetickers []int
}

// NoQuorumError says why n sources do not make an agreement. It matches
// [ErrNoQuorum].
type NoQuorumError struct {
	Domains int // n, the sources that had data
	Faulty  int // f, the sources that may lie
	Best    int // the largest number of sources that share a point
	Needed  int // n − f of them would be needed; or 2f + 1 with data, if there are fewer
}

// Disproved reports whether enough sources had data and they contradict each
// other: more than Faulty of them are wrong. Otherwise there was too little data
// to tell.
func (e *NoQuorumError) Disproved() bool { return e.Domains >= 2*e.Faulty+1 }

// Is makes [errors.Is](err, ErrNoQuorum) true.
func (e *NoQuorumError) Is(target error) bool { return target == ErrNoQuorum }

func (e *NoQuorumError) Error() string { return "truetime: no quorum: " + e.Detail() }

// Detail returns the counts as a sentence without a prefix, such as "2 of 4
// sources share a point, 3 needed (1 may lie)".
func (e *NoQuorumError) Detail() string {
	switch {
	case !e.Disproved():
		return fmt.Sprintf("%d %s usable data, %d needed (%d may lie)", e.Domains, plural(e.Domains, "source has", "sources have"), e.Needed, e.Faulty)
	case e.Best == 0:
		return fmt.Sprintf("each of %d sources contradicts itself, %d needed (%d may lie)", e.Domains, e.Needed, e.Faulty)
	case e.Best == 1:
		return fmt.Sprintf("no two of %d sources share a point, %d needed (%d may lie)", e.Domains, e.Needed, e.Faulty)
	}
	return fmt.Sprintf("%d of %d sources share a point, %d needed (%d may lie)", e.Best, e.Domains, e.Needed, e.Faulty)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// Agree returns the agreement of the given intervals, all for the same instant
// and each from a failure domain of its own, when up to faulty of them may miss
// true time.
//
// It returns a [*NoQuorumError] if there are fewer than 2·faulty + 1 intervals
// or if no point lies in n − faulty of them, and another error for a negative
// faulty. faulty is never lowered because a deeper overlap happens to exist: with
// that rule one liar that overlaps the honest ones excludes true time.
//
// Source: Marzullo and Owicki, "Maintaining the Time in a Distributed System",
// 1985, with f fixed, and the hull where several separate ranges qualify. The
// cost is O(n log n).
func Agree(intervals []Interval, faulty int) (Agreement, error) {
	if faulty < 0 {
		return Agreement{}, fmt.Errorf("truetime: faulty is %d, it cannot be negative", faulty)
	}
	n := len(intervals)
	hull, best := overlap(intervals, n-faulty)
	if n <= 2*faulty { // fewer than 2·faulty + 1
		return Agreement{}, &NoQuorumError{Domains: n, Faulty: faulty, Best: best, Needed: 2*faulty + 1}
	}
	if best < n-faulty {
		return Agreement{}, &NoQuorumError{Domains: n, Faulty: faulty, Best: best, Needed: n - faulty}
	}
	a := Agreement{Interval: hull, Faulty: faulty}
	for i, iv := range intervals {
		if iv.Overlaps(hull) {
			a.Truechimers = append(a.Truechimers, i)
		} else {
			a.Falsetickers = append(a.Falsetickers, i)
		}
	}
	return a, nil
}

// edge is where an interval begins or ends. Touching intervals share a point,
// so at one moment beginnings are counted before ends.
type edge struct {
	nanos int64
	ends  bool
}

// overlap sweeps over all edges and returns the hull of the points that lie in
// at least need intervals, and the depth of the deepest overlap. The hull means
// nothing if best < need.
func overlap(intervals []Interval, need int) (hull Interval, best int) {
	edges := make([]edge, 0, 2*len(intervals))
	for _, iv := range intervals {
		edges = append(edges, edge{iv.earliest, false}, edge{iv.latest, true})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := cmp.Compare(a.nanos, b.nanos); c != 0 || a.ends == b.ends {
			return c
		}
		if a.ends {
			return 1
		}
		return -1
	})
	depth, found := 0, false
	for _, e := range edges {
		if e.ends {
			if depth >= need {
				hull.latest = e.nanos
			}
			depth--
			continue
		}
		depth++
		best = max(best, depth)
		if depth >= need && !found {
			hull.earliest, found = e.nanos, true
		}
	}
	return hull, best
}
