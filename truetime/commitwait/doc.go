// Package commitwait gives transactions timestamps whose order is the order in
// real time: if one transaction was acknowledged before another began, anywhere, its timestamp is lower
// (external consistency).
//
// The rule is Spanner's. A commit timestamp s is taken at or above the latest
// possible true time, and nobody may see the transaction before s has certainly
// passed. So for a transaction 2 that begins after transaction 1 was
// acknowledged:
//
//	s1 < earliest at the acknowledgement ≤ true time then ≤ true time at start 2 ≤ latest ≤ s2
//
// which needs no message between the two machines, only intervals that contain
// true time on both. The wait costs about 2ε per commit; commits wait in
// parallel.
//
//	committer, err := commitwait.New(clock, hlcClock, commitwait.Options{MaxUncertainty: 20 * time.Millisecond})
//	ts, err := committer.Commit(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
//		return store.Write(ctx, key, value, ts)
//	})
//
// # Conditions
//
// Call Commit after the request has arrived and while holding the locks that
// isolate the transaction; commit wait orders transactions, it does not isolate
// them. Every writer of the system must use the rule: one that stamps with a
// plain clock breaks the order for all.
//
// HAZARD: the order is as good as the intervals. If more than f failure domains
// lie, or the machine was paused unnoticed, s may be too small.
//
// Source: Corbett et al., "Spanner: Google's Globally-Distributed Database",
// OSDI 2012, §4.1.2.
package commitwait
