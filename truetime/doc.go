// Package truetime answers "what time is it?" with an interval that contains
// the true time, and lets a program wait until a moment has certainly passed.
//
// # Why an interval
//
// A time-of-day clock gives one number and no word about how wrong it is. It
// may be stepped back by its daemon, slewed by up to ten per cent, or be
// minutes off because nobody reached a time server since boot. Two machines
// that compare such numbers order events wrongly, and a last-write-wins store
// then drops the write that really came last.
//
// This package measures nothing itself. It is given a [Bound], two straight
// lines over the readings of a free-running local clock that enclose true
// time, and turns each later reading into [earliest, latest]. Package ntpprobe
// makes such bounds from the replies of time servers:
//
//	local, err := truetime.NewLocalClock()
//	clock := truetime.New(local, truetime.Options{})
//	go prober.Run(ctx, clock.Update)
//	...
//	now, err := clock.Now()              // earliest ≤ true time ≤ latest
//	err = clock.WaitUntilAfter(ctx, ts)  // returns once ts has certainly passed
//
// # The local clock
//
// Intervals are carried between samples by a counter that nobody steers:
// CLOCK_MONOTONIC_RAW on Linux. Its rate may be wrong by at most the drift D
// (200 ppm unless configured), so a bound that is not refreshed stays true and
// grows by D on each side: 12 ms in a minute at 200 ppm. That is holdover. When
// the counter itself lost continuity (suspend) a new epoch begins and every
// older bound is void, since nobody knows how long the gap was.
//
// # Agreement
//
// [Agree] combines the intervals of several servers of which up to f may lie:
// the hull of all points that lie in at least n − f of them. f is a decision
// of whoever configures it. It never follows the data, because taking the
// deepest overlap instead lets a single liar pull the answer off true time.
//
// # Fail closed
//
// There is no fallback to the system clock anywhere. If nothing is known, or
// too long ago, or an assumption was disproved, every call returns an error
// that says so: [ErrUnsynchronized], [ErrStale], [*DisruptedError],
// [*UncertaintyError].
//
// # What it rests on
//
// HAZARD: the interval is as good as its assumptions: at most f failure
// domains lie, each server's claimed error is honest, the local clock drifts by
// less than D, and no undetected pause of the whole virtual machine happened.
// A VM that is paused by its hypervisor without notice keeps serving intervals
// that are late by the length of the pause until the servers disprove them.
// docs/architecture.md lists each assumption with what breaks it.
//
// Sources: Corbett et al., "Spanner: Google's Globally-Distributed Database",
// OSDI 2012, §3 (TrueTime) and §4.1.2 (commit wait); Marzullo, "Maintaining the
// Time in a Distributed System", 1984; RFC 5905 for what time servers promise.
package truetime
