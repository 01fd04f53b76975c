package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// op is what a client has done to a pair of keys, which are only ever written together and with one value.
type op struct {
	shard, pair string
	node        string // whose clock it was
	write       bool
	value       string        // that was written or read; "" if there was none
	call, ret   time.Duration // since the run began
	Commit                    // of the write, or what was seen by the read
	open        bool          // the write may be seen, and was not acknowledged
}

func (o op) String() string {
	what := "reads"
	if o.write {
		what = "writes"
	}
	return fmt.Sprintf("%s %s %s of %s from %v to %v, at %v (revision %d)", o.node, what, o.pair, o.shard, o.call, o.ret, o.TS, o.Revision)
}

// history is what all clients have done.
type history struct {
	mu  sync.Mutex
	ops []op
}

func (h *history) add(o op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// realTimeOrder checks that each commit that was acknowledged before another began has the lower timestamp, across all
// shards and nodes: the highest acknowledged so far is below whatever begins.
func realTimeOrder(ops []op) error {
	var begun, acknowledged []op
	for _, o := range ops {
		if o.write {
			begun = append(begun, o)
			if !o.open {
				acknowledged = append(acknowledged, o)
			}
		}
	}
	slices.SortFunc(begun, func(a, b op) int { return int(a.call - b.call) })
	slices.SortFunc(acknowledged, func(a, b op) int { return int(a.ret - b.ret) })
	var highest op
	for _, o := range begun {
		for len(acknowledged) > 0 && acknowledged[0].ret < o.call {
			if acknowledged[0].TS.After(highest.TS) {
				highest = acknowledged[0]
			}
			acknowledged = acknowledged[1:]
		}
		if !o.TS.After(highest.TS) {
			return fmt.Errorf("the order of timestamps is not that of real time:\n  first  %v\n  then   %v", highest, o)
		}
	}
	return nil
}

// register is what porcupine checks a pair of keys against.
var register = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := map[string][]porcupine.Operation{}
		for _, o := range all {
			key := o.Input.(op).shard + "\x00" + o.Input.(op).pair
			byKey[key] = append(byKey[key], o)
		}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, _ any) (bool, any) {
		if o := input.(op); o.write {
			return true, o.value
		} else {
			return o.value == state, state
		}
	},
}

// linearizable checks that each pair is a register: as if every operation had happened at one moment between its begin
// and its end. A write that was not acknowledged may have happened at any time since.
func linearizable(ops []op, limit time.Duration) error {
	all := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		end := int64(o.ret)
		if o.open {
			end = int64(1000 * time.Hour)
		}
		all[i] = porcupine.Operation{ClientId: i, Input: o, Call: int64(o.call), Return: end}
	}
	switch porcupine.CheckOperationsTimeout(register, all, limit) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("porcupine has not decided on %d operations within %v", len(all), limit)
	}
	for _, part := range register.Partition(all) {
		if porcupine.CheckOperationsTimeout(register, part, limit) == porcupine.Illegal {
			o := part[0].Input.(op)
			return fmt.Errorf("%s of %s is not linearizable, %d operations: %v", o.pair, o.shard, len(part), evidence(part))
		}
	}
	return fmt.Errorf("the history of %d operations is not linearizable", len(all))
}

// evidence looks for a read that shows why: of a value whose successor was acknowledged before the read began.
func evidence(part []porcupine.Operation) string {
	for _, o := range part {
		read := o.Input.(op)
		if read.write {
			continue
		}
		for _, o := range part {
			if w := o.Input.(op); w.write && !w.open && w.ret < read.call && w.TS.After(read.TS) {
				return fmt.Sprintf("%v misses %v", read, w)
			}
		}
	}
	return "no read is stale by itself"
}

// owned is a record of a shard: the commit at ts, and who has written it.
type owned struct {
	Commit
	owner   int64
	aborted bool
}

// acrossOwners checks the records of a shard: in the order of their timestamps the owners follow one another, and so do
// the revisions of different owners. A late write of an old owner breaks one or the other.
func acrossOwners(records []owned) error {
	slices.SortFunc(records, func(a, b owned) int { return a.TS.Compare(b.TS) })
	var last owned    // the one before
	var highest owned // of all owners before the present one, by revision
	var present owned // of the present owner, by revision
	for _, r := range records {
		if r.aborted {
			continue
		}
		switch {
		case r.owner < last.owner:
			return fmt.Errorf("the timestamps fall from one owner to the next: %v of owner %d, and %v of owner %d", last.TS, last.owner, r.TS, r.owner)
		case r.owner > last.owner:
			if present.Revision > highest.Revision {
				highest = present
			}
			present = owned{}
		}
		if r.Revision < highest.Revision {
			return fmt.Errorf("owner %d has written %v at revision %d, after owner %d had begun with %v at revision %d",
				highest.owner, highest.TS, highest.Revision, r.owner, r.TS, r.Revision)
		}
		if r.Revision > present.Revision {
			present = r
		}
		last = r
	}
	return nil
}

// inversions counts neighbours in the order of timestamps whose revisions fall: commits that were replicated side by side. That is why no revision
// is a snapshot.
func inversions(records []owned) (count int) {
	for i := 1; i < len(records); i++ {
		if records[i].Revision < records[i-1].Revision {
			count++
		}
	}
	return count
}

// percentile of what is sorted.
func percentile[T any](sorted []T, p float64) (zero T) {
	if len(sorted) == 0 {
		return zero
	}
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}
