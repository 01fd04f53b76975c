// Package hlc stamps events with hybrid logical clocks: timestamps close to the
// time of day whose order respects cause and effect.
//
// # Why
//
// Two machines whose clocks differ by a few milliseconds stamp a write and the
// later write that builds on it in the wrong order, and a store that keeps the
// last one then loses it. A Lamport clock orders them rightly, but its numbers
// say nothing about time. A hybrid clock does both: a timestamp is (wall, logical), where wall is the
// largest physical time this event can know of, its own or one that came with a
// message, and logical counts events that share it.
//
//	events, err := hlc.New(hlc.Options{})
//	ts := events.Now()               // a local event, or before sending a message
//	ts, err = events.Update(remote)  // on receiving a message stamped remote
//
// If one event can have influenced another, directly or through any chain of
// messages, its timestamp is lower. The reverse does not hold: a lower
// timestamp alone does not mean "before" in real time. For that see
// truetime/commitwait.
//
// Across restarts, and crashes that lose the memory, a [Durable] keeps the order by an
// upper bound on the disk.
//
// # What bounds it
//
// Wall runs ahead of the local physical clock at most by what remote timestamps
// were ahead, and those are refused beyond Options.MaxLead: a single message from a
// machine in the year 2200 would otherwise take every clock there, for good.
//
// HAZARD: refusing a message's timestamp means that its order is lost; treat the
// error as a fault of the sender's clock and do not process the message as if
// it had been ordered.
//
// Source: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks and
// Consistent Snapshots in Globally Distributed Databases", 2014.
package hlc
