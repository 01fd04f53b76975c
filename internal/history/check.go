package history

import "iter"

// Limit is how many anomalies of a kind are returned: one is a proof, a few show the pattern.
const Limit = 10

// finding is an anomaly before it is told: ops are indices.
type finding struct {
	ops []int
	why string
}

// checks in the order of All.
var checks = []struct {
	kind string
	find func(*index) iter.Seq[finding]
}{
	{"impossible", (*index).impossible},
	{"real time", (*index).realTime},
	{"stale read", (*index).stale},
	{"causal reverse", (*index).causalReverse},
	{"long fork", (*index).longFork},
	{"monotonic", (*index).monotonic},
	{"snapshots", (*index).snapshots},
}

// All returns what every check of this package finds, up to Limit of each. It is for histories of
// reads that ask for the present; see the package comment.
func All(ops []Op) (found []Anomaly) {
	x := newIndex(ops)
	for _, c := range checks {
		found = append(found, tell(ops, c.kind, c.find(x))...)
	}
	return found
}

// RealTime finds timestamps that contradict real time. T2 began after the writer T1 was known (it
// returned, or a read that showed it did):
//
//   - T2 writes, and its timestamp is not above that of T1;
//   - T2 only reads, and its timestamp is below that of T1.
//
// And T2 began after the snapshot T1 had returned, writes a key that T1 read, and is not above it:
// what T1 has seen has changed.
//
// A T2 of unknown outcome counts if somebody has seen it. Assumes reads that ask for the present.
// There is at most one anomaly per T2; Ops is T1, T2.
func RealTime(ops []Op) []Anomaly {
	return tell(ops, "real time", newIndex(ops).realTime())
}

// StaleReads finds transactions that read of a key a version older than that of T1, although T1
// was known before they began. For snapshots that pass RealTime and Snapshots this adds nothing;
// it judges reads without timestamps, and those of transactions that write. Assumes reads that ask
// for the present. There is at most one anomaly per reader; Ops is T1, the reader.
func StaleReads(ops []Op) []Anomaly {
	return tell(ops, "stale read", newIndex(ops).stale())
}

// CausalReverse finds readers that see T2 and, of a key that they read, a version older than that
// of T1, although T1 was known before T2 began. There is at most one anomaly per reader; Ops is
// T1, T2, the reader.
func CausalReverse(ops []Op) []Anomaly {
	return tell(ops, "causal reverse", newIndex(ops).causalReverse())
}

// LongFork finds two transactions that read the same two keys, where each has a newer version of
// one than the other. Not every such pair is reported, but everybody who is in one is in a
// reported one, up to Limit. Ops is the two readers.
//
// The time is the sum of the squares of the numbers of keys that each has read; the memory is
// linear.
func LongFork(ops []Op) []Anomaly {
	return tell(ops, "long fork", newIndex(ops).longFork())
}

// Monotonic finds clients that read a version older than one that they themselves had read or
// written before. Assumes reads that ask for the present. There is at most one anomaly per read;
// Ops is the earlier one and the read.
func Monotonic(ops []Op) []Anomaly {
	return tell(ops, "monotonic", newIndex(ops).monotonic())
}

// Snapshots finds read-only transactions whose Reads are not what the writers with timestamps up
// to theirs, replayed in the order of their timestamps, leave there: all that returned, and of
// those of unknown outcome all that anybody has seen. A second reading of a timestamp that says
// otherwise than the first is thereby found, too.
//
// It also finds keys that have two versions at one timestamp; reads may show either. And it finds
// writers of unknown timestamp that somebody has seen, if none that they could have explains what
// each snapshot shows of them: once they are seen, they are there in every later snapshot. Two
// such writers are not held against each other.
//
// There is at most one anomaly per reader, per pair of versions next to each other, and per such
// writer. Ops is the reader, then the writer of what it should have seen, if any; or both writers;
// or the writer, then readers that leave no place for it.
//
// The time is n log n, and the number of writers of unknown timestamp times the number of reads of
// their keys.
func Snapshots(ops []Op) []Anomaly {
	return tell(ops, "snapshots", newIndex(ops).snapshots())
}

// Impossible finds what no store can have done, or no observer seen, and histories that break the
// rules of the package comment: an Op that returned before it was invoked, a writer that returned
// without a timestamp, a 0 written, a value written twice, a value read that nobody wrote, or that
// was read before its writer began. The other checks judge such histories as they can.
func Impossible(ops []Op) []Anomaly {
	return tell(ops, "impossible", newIndex(ops).impossible())
}

func tell(ops []Op, kind string, findings iter.Seq[finding]) (found []Anomaly) {
	for f := range findings {
		a := Anomaly{Kind: kind, Why: f.why}
		for _, i := range f.ops {
			a.Ops = append(a.Ops, ops[i])
		}
		if found = append(found, a); len(found) == Limit {
			break
		}
	}
	return found
}
