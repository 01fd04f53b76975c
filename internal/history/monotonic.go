package history

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
)

// monotonic walks through each client's reads, and keeps the newest version of each key that it read or wrote in what was over before.
func (x *index) monotonic() iter.Seq[finding] {
	return func(yield func(finding) bool) {
		for _, ops := range x.clients() {
			if !x.oneClient(ops, yield) {
				return
			}
		}
	}
}

// oneClient does so for one of them, whose ops are in the order in which they began.
func (x *index) oneClient(begun []int, yield func(finding) bool) bool {
	over := slices.Clone(begun)
	slices.SortStableFunc(over, func(a, b int) int { return cmp.Compare(x.returned[a], x.returned[b]) })
	newest := map[int]placedRead{}
	see := func(op, key, rank int) {
		if rank > newest[key].rank {
			newest[key] = placedRead{op, rank}
		}
	}
	for _, op := range begun {
		for ; len(over) > 0 && x.returned[over[0]] < x.ops[op].Invoked; over = over[1:] {
			for _, r := range x.reads[over[0]] {
				see(over[0], r.key, r.rank)
			}
			for _, w := range x.writes[over[0]] {
				see(over[0], w.key, w.rank)
			}
		}
		for _, r := range x.reads[op] {
			if before := newest[r.key]; r.rank != unplaced && r.rank < before.rank {
				if !yield(finding{[]int{before.op, op}, fmt.Sprintf("the client had a newer %s in T1 than it reads in T2", x.keys[r.key])}) {
					return false
				}
				break
			}
		}
	}
	return true
}

// clients returns the ops of each client, in the order in which they began.
func (x *index) clients() (groups [][]int) {
	order := make([]int, len(x.ops))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(x.ops[a].Client, x.ops[b].Client), cmp.Compare(x.ops[a].Invoked, x.ops[b].Invoked))
	})
	for start, i := 0, 1; i <= len(order); i++ {
		if i == len(order) || x.ops[order[i]].Client != x.ops[order[start]].Client {
			groups = append(groups, order[start:i])
			start = i
		}
	}
	return groups
}
