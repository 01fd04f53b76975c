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
// Package hlc/hlchttp carries timestamps over HTTP.
//
// Across restarts, and crashes that lose the memory, a [Durable] keeps the order by an
// upper bound on the disk.
//
// # What bounds it
//
// Wall runs ahead of the local physical clock at most by what remote timestamps
// were ahead, and those are refused beyond Options.MaxLead: a single message from a
// machine in the year 2200 would otherwise take every clock there, for good. So are those
// whose logical part is beyond Options.MaxLogical, where every clock goes on at the next
// nanosecond. The local time of day passes the same gate: see [WallClock].
//
// HAZARD: refusing a message's timestamp means that its order is lost; treat the
// error as a fault of the sender's clock (or of this one: [Clock.Stats] tells) and do not
// process the message as if it had been ordered.
//
// # The way back from the future
//
// If clocks did go ahead all the same (Unlimited, ForceUpdate, [ReportJumps]), they count
// on there until the time of day is past it. To come back at once, every node that
// heard of it has to forget at the same time: stop them all, remove or repair (clockctl hlc
// state repair --lower) what a Durable has saved, start them again; and what was stored with such timestamps
// stays newer than all that follows.
//
// # Forms
//
// A timestamp is sent and stored in one of these. What parses gives the same bytes
// again, except that a zero logical part may be left out of text and decimal; what does
// not parse is a [*ParseError] with the offset, and the receiver stays as it was.
//
//	form        example                                  sorts as time does   holds
//	text        1790000000.123456789,7                   no                   every timestamp; also JSON, slog, flags
//	decimal     1790000000123456789.0000000007           as a number          1970 to 2262; numeric columns, CockroachDB's SQL
//	sortable    20260921T141320.123456789Z-0000000007    as text              1970 to 2262; text columns, file names, object keys
//	binary      12 bytes, big-endian                     as bytes             1970 to 2262; keys, bytea columns
//	descending  12 bytes, every bit turned               newest first         1970 to 2262; keys
//	packed      64 bits by a [Layout], rounded up        as a number          what Fits; bigint columns, others' protocols
//
// The forms that sort refuse a time before 1970 with a [*RangeError]: no Clock issues one.
//
// Source: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks and
// Consistent Snapshots in Globally Distributed Databases", 2014.
package hlc
