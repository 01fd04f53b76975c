package main

import (
	"time"

	"github.com/trueclock/trueclock/truetime/skew"
)

// matrixJSON is the object of matrix. A pair is there once.
type matrixJSON struct {
	Schema string     `json:"schema"`
	Limit  *int64     `json:"limit_ns"`
	Nodes  []nodeJSON `json:"nodes"`
	Pairs  []pairJSON `json:"pairs"`
	Error  *errorJSON `json:"error,omitempty"`
}

type nodeJSON struct {
	Peer        string  `json:"peer"`
	Status      *string `json:"status"` // null if it did not answer
	Reason      *string `json:"reason"` // null if it has an interval
	Uncertainty *int64  `json:"uncertainty_ns"`
	Verdict     string  `json:"verdict"`
}

// pairJSON: the clock of A minus that of B is from skew_min_ns to skew_max_ns, null if unknown.
type pairJSON struct {
	A     string `json:"a"`
	B     string `json:"b"`
	State string `json:"state"`
	Min   *int64 `json:"skew_min_ns"`
	Max   *int64 `json:"skew_max_ns"`
}

func newMatrixJSON(limit time.Duration, answers []peerAnswer, pairs [][]skew.Pair, verdicts []skew.Verdict, bad error) matrixJSON {
	o := matrixJSON{Schema: schema, Limit: ns(limit), Nodes: []nodeJSON{}, Pairs: []pairJSON{}, Error: newErrorJSON(bad)}
	for i, a := range answers {
		node := nodeJSON{Peer: a.name, Verdict: string(verdicts[i])}
		if a.status != "" {
			node.Status = &a.status
		}
		if a.node.Known {
			node.Uncertainty = &a.uncertainty
		} else {
			node.Reason = &a.reason
		}
		o.Nodes = append(o.Nodes, node)
		for j, p := range pairs[i] {
			if j <= i {
				continue
			}
			pair := pairJSON{A: a.name, B: answers[j].name, State: string(p.State)}
			if p.State != skew.Unknown && p.State != skew.Disproved {
				pair.Min, pair.Max = ns(p.Min), ns(p.Max)
			}
			o.Pairs = append(o.Pairs, pair)
		}
	}
	return o
}

// failedMatrixJSON is the object of a matrix that asked nobody.
func failedMatrixJSON(err error) matrixJSON {
	return matrixJSON{Schema: schema, Nodes: []nodeJSON{}, Pairs: []pairJSON{}, Error: failure(err)}
}
