package skew

// judge makes standing verdicts of the verdicts of single rounds. It is pure. Rounds that prove nothing
// of a node change nothing but this: healthy means proven healthy in the last round.
type judge struct {
	evictAfter, returnAfter int
	nodes                   []standing
}

// standing is what is held of one node.
type standing struct {
	verdict Verdict
	against int  // rounds that said evict since the last that said healthy
	healthy int  // rounds that said healthy since the last that said evict
	held    bool // to be evicted, but too many are already
}

func newJudge(nodes, evictAfter, returnAfter int) *judge {
	j := &judge{evictAfter: evictAfter, returnAfter: returnAfter, nodes: make([]standing, nodes)}
	for i := range j.nodes {
		j.nodes[i].verdict = Unproven
	}
	return j
}

// most is how many nodes may be evicted at once: less than half.
func (j *judge) most() int { return (len(j.nodes) - 1) / 2 }

// round takes the verdicts of one round, one per node.
func (j *judge) round(verdicts []Verdict) {
	evicted := 0
	for i := range j.nodes {
		n := &j.nodes[i]
		n.count(verdicts[i])
		if n.verdict == Evict && n.healthy < j.returnAfter {
			evicted++
			continue
		}
		n.verdict = Unproven
		if verdicts[i] == Healthy {
			n.verdict = Healthy
		}
	}
	for i := range j.nodes { // after those that have returned have made room
		n := &j.nodes[i]
		due := n.verdict != Evict && n.against >= j.evictAfter
		if n.held = due && evicted >= j.most(); due && !n.held {
			n.verdict = Evict
			evicted++
		}
	}
}

func (s *standing) count(v Verdict) {
	switch v {
	case Healthy:
		s.healthy, s.against = s.healthy+1, 0
	case Evict:
		s.against, s.healthy = s.against+1, 0
	}
}
