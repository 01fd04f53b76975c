// Package sim is a small universe that knows the true time.
//
// Nobody can measure whether an interval holds true time, because nobody can
// read true time. So here is a world in which somebody can: a machine whose counter runs
// wrong, paths that delay, lose and double packets, and servers that err within their
// claim, or lie. It drives the same code that users run: real NTP packets go
// through ntpprobe's own connection and decoder, its Estimator or its Prober,
// and a truetime.Clock, and every read is compared with the truth.
//
// # The parts
//
//	oscillator.go  the local counter as a function of true time: rates, wander, pauses, suspend
//	path.go        delays per direction, heavy tail, route changes, loss, duplicates, an attacker
//	server.go      what a server says, and how wrong it is
//	lie.go         ways to lie, by liars who know the whole world
//	wire.go        48 bytes, as each implementation rounds them
//	network.go     one request, and the datagrams that come back
//	world.go       all of it together, made from a seed
//	reference.go   the WAN and LAN of the reference figures, and worlds drawn at random
//
// # Two ways to drive it
//
// [World.Run] is fast: it has its own virtual time, an exchange is computed at
// once, and hundreds of thousands of reads a second are checked. The second
// way is the Prober itself inside a testing/synctest bubble, over [World.Dialer] and
// [World.LocalClock], where goroutines sleep on the bubble's clock.
//
// # What it cannot show
//
// The world has the faults that were thought of. Its honest servers keep their
// claims and its counter has the drift it was given, so a run without a
// violation says that the arithmetic is right, not that an oscillator or a
// server somewhere is.
//
// Moments are durations since the world began. Rates are in ppm, positive for a
// counter that runs fast. The same seed gives the same run.
package sim
