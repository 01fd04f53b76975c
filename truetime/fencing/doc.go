// Package fencing keeps out whoever believes to hold a lease and does not any more.
//
// A lease is checked and then used, and between the two a process may stand still for as long as it likes: a collection of
// garbage, a page that is fetched, SIGSTOP, a machine that is moved. When it goes on it does not know that it was away, and no
// check of its own helps, because it may stop again after that one. Who can know is the storage. So each grant of a lease carries
// a [Token] that is higher than those of all grants before, every write carries the token, and the storage keeps the
// highest one that it has seen and refuses lower ones:
//
//	1 gets the lease, token 33, and stops
//	2 gets the lease, token 34, and writes with it        the storage has seen 34
//	1 goes on, and writes with 33                         refused
//
// The storage may itself be ended at any time, and must not forget what it has seen: otherwise 33 is
// accepted by the next one. So [Register] makes a new maximum durable before it says yes. And to compare a token is one
// thing and to write is another, between which a higher one may come; so [Register.Do] writes under the eyes of the register: a higher
// token waits until the writes of the one before it are over, and none begins afterwards.
//
//	register, err := fencing.Open(fencing.Options{Dir: "/var/lib/app/fence"})
//	defer register.Close()
//	err = register.Do(ctx, "orders", token, func(ctx context.Context) error { return write(ctx) })
//
// A token equal to the highest is accepted: it is the same holder, who writes many times under one grant. That is
// right only if no two grants have the same token.
//
// Tokens come from package truetime/lease, or from an [Issuer], which takes them from an hlc.Durable. They travel over HTTP by
// package fencinghttp, and over gRPC by integrations/grpc.
//
// Model: crashes at any moment, pauses of any length, messages late, lost or doubled. Outside of it: a storage that forgets what it
// had synced, a writer who does not come through the register, a client who makes tokens up ([Options].MaxStep limits
// what those break).
//
// Source: Kleppmann, Designing Data-Intensive Applications, chapter 8, figures 8-4 and 8-5; "How to do distributed locking", 2016.
// Decisions: docs/adr/0030.
package fencing
