// Package history judges what the clients of a store have seen: a list of
// transactions, each with its interval in real time, its timestamp, and the
// values that it read and wrote. It is how tests and demos show that a store
// keeps external consistency (I6) and stable snapshots (I7), or that it does not
// once the wait is left out.
//
// A history that passes is not proven right. One that does not pass is proven
// wrong, by an Anomaly that names the transactions and tells their story.
// Nothing here searches: the timestamps say in which order the store claims to
// have done things, so each check is a sort and a sweep.
//
// # What each check asserts
//
// Before means in real time, and strictly: T1 returned before T2 was invoked.
// Two events at one nanosecond are concurrent; in virtual time, let the clock
// advance between them. A writer is known from the moment at which it returned,
// or a read that showed it returned, whichever is first. Versions of a key are
// ordered by the timestamps of their writers; nothing (0) is below all of them.
//
//   - [RealTime]: a writer that begins after another is known has a higher
//     timestamp; a snapshot that begins after it, one that is not lower. A
//     writer of a key that begins after a snapshot of that key has returned is
//     above the snapshot.
//   - [StaleReads]: who begins after a writer is known sees its version of a
//     key, or a later one.
//   - [CausalReverse]: who sees T2 sees, of the keys that it reads, what was
//     known before T2 began, or later versions.
//   - [LongFork]: no two transactions read the same two keys such that each has
//     the newer version of one of them.
//   - [Monotonic]: a client never reads a version older than one that it had
//     read or written before.
//   - [Snapshots]: what a read-only transaction read is what replaying the
//     writers up to its timestamp leaves, no more and no less; and no key has
//     two versions at one timestamp.
//   - [Impossible]: nobody reads what nobody wrote, or had not yet begun to
//     write; and the history keeps the rules below.
//
// # What they do not assert
//
//   - RealTime, StaleReads and Monotonic are about reads that ask for the
//     present. Reads that ask for the past (commitwait.ExactStaleness and the
//     like) break them by right: leave them out there, and judge them by the others.
//   - The timestamps of two snapshots may be in any order: each is taken from a
//     clock of its own. What they show may not go back, and that is judged.
//   - What a transaction that writes has read is not judged by Snapshots: a
//     store may read below its commit timestamp. Neither a lost update nor write
//     skew is looked for.
//   - Cycles among three and more transactions are not looked for, except those
//     that the timestamps deny. That is for a general checker (porcupine, Elle).
//
// # Rules for the history
//
//   - Each value is written once per key, and is not 0. What certainly aborted
//     is left out, so that reading it is reading what nobody wrote.
//   - The Reads of one Op are of one moment. What it reads of its own Writes is
//     not judged.
//   - A writer of unknown outcome happened if anybody read from it, and else it
//     did not. That is exact: who assumes that a write which nobody has seen never
//     was is contradicted by nobody. What such an Op itself has read is not judged.
//   - A zero TS is an unknown one. Whoever has returned from a write knows it. A
//     writer of unknown outcome without it has no place among the versions:
//     Snapshots asks whether there could be one, and the others pass over what was
//     read from it. A read without it is of no snapshot, and judged by what does
//     not speak of snapshots.
//
// HAZARD: Invoked and Returned are of one clock, the observer's, which does not
// go back. Taken from the clocks under test they would make a wrong order look right.
//
// Sources: Jepsen's checkers causal-reverse, long-fork, monotonic and bank, whose
// questions these are; Cerone, Gotsman: "Analysing Snapshot Isolation", PODC 2016
// (long fork); Corbett et al.: "Spanner", OSDI 2012, §1 (external consistency).
package history
