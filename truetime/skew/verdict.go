package skew

import "time"

// Verdict says what a majority proves of a node's clock.
type Verdict string

// The three verdicts. Isolation is not a fault: of a node that nobody can compare,
// nothing is known.
const (
	Healthy  Verdict = "healthy" // with itself, more than half of all nodes are certainly within the limit of it
	Evict    Verdict = "evict"   // more than half of all nodes are healthy and certainly out of it, or disprove it
	Unproven Verdict = "unknown"
)

// Matrix returns each node against each, and the verdicts. More than half means of all
// nodes that were named, the ones that are down too: two halves of a cluster
// must not evict each other.
func Matrix(nodes []Node, limit time.Duration) ([][]Pair, []Verdict) {
	pairs, verdicts := make([][]Pair, len(nodes)), make([]Verdict, len(nodes))
	for i, a := range nodes {
		pairs[i] = make([]Pair, len(nodes))
		for j, b := range nodes {
			if pairs[i][j] = Compare(a, b, limit); i == j {
				pairs[i][j] = Pair{State: Itself}
			}
		}
		within := count(pairs[i], func(_ int, s State) bool { return s == Within || s == Itself && a.Known })
		if verdicts[i] = Unproven; 2*within > len(nodes) {
			verdicts[i] = Healthy
		}
	}
	for i := range nodes {
		out := count(pairs[i], func(j int, s State) bool {
			return verdicts[j] == Healthy && (s == Over || s == Disproved) // who is out itself proves nothing
		})
		if 2*out > len(nodes) {
			verdicts[i] = Evict
		}
	}
	return pairs, verdicts
}

func count(row []Pair, what func(int, State) bool) (n int) {
	for j, p := range row {
		if what(j, p.State) {
			n++
		}
	}
	return n
}
