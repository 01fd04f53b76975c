// Package lease gives something to one holder at a time, for a while, by clocks that are wrong by no more than they say.
//
// A lease on two machines usually rests on two clocks that are taken to be equal. Here each machine has an interval that contains the true
// time, and the two sides use opposite ends of it:
//
//	the holder may act              while latest   < expiry      by its own clock: surely not over yet
//	somebody else may be granted it when  earliest > expiry      by that one's clock: surely over
//
// The holder acts at a true time t ≤ latest < expiry, the next is granted the lease at a true time t' ≥ earliest > expiry; so t < t', and
// two holders never overlap, whatever the clocks say within their intervals. What the uncertainty costs is time in which nobody
// holds it: 2ε of the one and 2ε of the other. While store and clocks work, somebody who wants it has it at most a TTL, a 2ε and a Poll after
// its last holder was lost. When a clock knows nothing (unsynchronised, stale, disrupted), its lease is not valid.
//
//	guard, err := lease.Acquire(ctx, clock, store, "orders", lease.Options{Holder: "node-1", TTL: 10 * time.Second})
//	defer guard.Release(ctx)
//	err = guard.Do(ctx, func(ctx context.Context, grant lease.Grant) error {
//		return storage.Write(ctx, grant.Token, order) // and the storage compares the token
//	})
//
// The record of who holds it lies in a [Store], which can compare and swap: [Memory], or etcd (integrations/etcd/leasestore). A renewal
// whose outcome is unknown may have happened or not: until that is known the holder relies on the old expiry, and whoever else wants the
// lease finds the new one if it is there, since only a swap of the very record that was read grants it.
//
// No check is enough. A process may be stopped after the check and before the write, for longer than the lease lasts. So every grant has
// a token, higher than all before, and the storage must refuse lower ones: package fencing. A lease makes two writers rare; the token makes
// the second one harmless.
//
// Model: at most f of the clock's failure domains lie, so that intervals contain true time; messages late, lost or doubled;
// processes that stop and go on; a store that is linearizable and forgets nothing. Outside of it leases may overlap, and the tokens still
// rise, even if the store has forgotten them all, unless clocks are wrong as well: see [Record].
//
// Source: Gray, Cheriton, "Leases", SOSP 1989; Corbett et al., "Spanner", OSDI 2012, §4.1.1; Kleppmann, Designing Data-Intensive Applications,
// chapter 8. Decisions: docs/adr/0030.
package lease
