// Package badgerstore is a Badger whose transactions commit in the order of real time, and whose snapshots
// never change. Transactions are serializable in the order of their timestamps; those of several stores, and of every other
// system that uses truetime/commitwait, are in one order.
//
//	store, err := badgerstore.Open(ctx, dir, clock, badgerstore.Options{})
//	ts, err := store.Update(ctx, func(txn *badgerstore.Txn) error { … txn.Get … txn.Set … })
//	at, err := store.View(ctx, commitwait.Strong(), func(txn *badgerstore.Txn) error { … txn.Get … txn.Scan … })
//	_, err = store.View(ctx, commitwait.At(at), …) // the same answer, for as long as History lasts
//
// Badger keeps the versions, in its managed mode, where timestamps are the application's. That mode has traps; this is what is done
// about each:
//
//   - A commit at or below a timestamp that was read is accepted, and changes the past. Here one Committer assigns all commits
//     above all snapshots; a restart begins above both, by the durable bound of an hlc.Durable in the same directory.
//   - Two commits at one version become one. Timestamps are rounded to what a version can hold before they are unique.
//   - Conflicts are looked for among what was committed before, in whatever order that happens; a lower timestamp that is applied
//     later is missed. Here transactions enter in the order of their timestamps (commitwait's CommitInOrder), and their syncs overlap.
//   - A transaction that writes nothing is not looked at, so it would read the past; one that iterates conflicts with
//     the keys that it sought and was given (Iterator.Seek, Item), and not with one that appears among them; and what is remembered for
//     that grows until SetDiscardTs, or for ever. So Badger's detection is off, and the conflicts are the store's own: keys and prefixes that were read, of
//     transactions with writes and without; remembered for as long as a running transaction needs it, and never longer than History.
//   - Versions are dropped at or below SetDiscardTs, and reads there are answered all the same, wrongly. Here they are refused
//     (TooOldError), after a restart too: the mark is in the database before anything is dropped.
//   - SetDiscardTs must not go back, and no commit may be below it, or Badger ends the process (with its detection on). One caller at a
//     time raises it, up to the safe time.
//   - A failed sync of the log of long values is not reported. There are none (MaxValue).
//   - An entry with a time to live vanishes from snapshots by the clock of the machine, and an entry with a version of its own is in
//     the past. Txn has neither.
//   - After an error of the disk nobody knows what was committed. The store then refuses everything (FailedError), until it
//     was closed and opened, which reads what is there. Badger answers writes in any order, and a sync that follows a failed one may say yes
//     though the log has a hole before it. So nothing is acknowledged before all that was handed over earlier.
//   - A kill at the wrong moment leaves an empty file that Badger does not open with. Open removes it.
//
// HAZARD: it is as right as the intervals of the clock are: see truetime/commitwait.
//
// HAZARD: a timestamp that a client brings (At, AtLeast, a floor) holds up the commits that follow, if it is ahead of true time; up to one
// second ahead is allowed. Take timestamps from clients as commitwait.Tokens.
//
// HAZARD: whoever opens the database in data/ by other means and writes to it breaks all this.
package badgerstore
