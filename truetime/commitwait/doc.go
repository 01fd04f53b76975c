// Package commitwait gives transactions timestamps whose order is the order in
// real time: if one transaction was acknowledged before another began, anywhere, its timestamp is lower
// (external consistency). And it says at which timestamps a store can be read so that the answer never changes.
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
// # Two orders
//
// The simple one waits and then applies. When the wait fails there is nothing to undo:
//
//	committer, err := commitwait.New(clock, hlcClock, commitwait.Options{MaxUncertainty: 20 * time.Millisecond})
//	ts, err := committer.Commit(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
//		return store.Write(ctx, key, value, ts)
//	})
//
// A store that replicates does that while it waits, and only the longer of both counts. The data is then in the
// store before anybody may see it, so every reader must come through Snapshot or WaitSafe:
//
//	p, err := committer.Assign(ctx)
//	err = p.Run(ctx, func(ctx context.Context, ts hlc.Timestamp) error { return log.Replicate(ctx, ts, writes) })
//
// A store that looks for conflicts when it applies (optimistic ones do, Badger for one) must be given the transactions in the order of their
// timestamps, or the higher one misses the lower one: CommitInOrder, which queues for that and not for the disk.
//
// # Snapshots
//
//	ts, err := committer.Snapshot(ctx, commitwait.Strong()) // or ExactStaleness, MaxStaleness, At; AtLeast(token)
//
// A read at ts has seen all there will ever be at or below ts: no commit that follows is assigned there, and those
// in flight were waited for.
//
// # Several shards
//
// A transaction over several shards has one timestamp. The others vote (Prepare), the coordinator commits above all votes, and the
// others carry that out (Prepared.Commit); no snapshot sees half of it.
//
// # Conditions
//
//   - Call Commit or Assign after the request has arrived and while holding the locks that
//     isolate the transaction, and hold them until it returns (Run, for Assign): commit wait orders transactions, it does not isolate
//     them.
//   - Every writer of the system must use the rule: one that stamps with a
//     plain clock breaks the order for all. Every writer of a shard must use the shard's Committer.
//   - A restart must begin above all that was assigned and read: give what hlc.OpenDurable recovered as Options.Floor, and
//     hlc.Durable.Cover as Options.Cover; and Recover what was durable when the last run ended.
//
// HAZARD: the order is as good as the intervals. If more than f failure domains
// lie, or the machine was paused unnoticed, s may be too small. Clocks whose interval is too narrow by one part in a thousand
// are enough (TestSim_EveryOtherRuleBreaksIt).
//
// Source: Corbett et al., "Spanner: Google's Globally-Distributed Database",
// OSDI 2012, §4.1.2 and §4.2.
package commitwait
