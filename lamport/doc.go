// Package lamport counts events so that causes have lower numbers than their
// effects.
//
// Each process keeps a counter, adds one for each event, sends it along with each
// message, and on receiving one moves above it. If one event can have influenced
// another, its number is lower. Equal numbers of different processes are
// concurrent; [Stamp] breaks the tie by the name of the process, which makes the
// order total, the same everywhere, and arbitrary where nothing else decides.
//
//	var clock lamport.Clock
//	n, err := clock.Tick()           // a local event, or before sending
//	n, err = clock.Witness(received) // on receiving
//
// A [Durable] goes on above itself when its process starts anew. A [Vector] counts the
// events of each process, and so tells concurrent events from ordered ones, at the price of
// its size.
//
// The numbers say nothing about time of day: see package hlc for timestamps
// that do both.
//
// Source: Lamport, "Time, Clocks, and the Ordering of Events in a Distributed
// System", CACM 21(7), 1978.
package lamport
