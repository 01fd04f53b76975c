// Package timex reads what the kernel says of its own clock: whether somebody keeps it,
// how wrong that somebody thinks it is, and how it is being slewed. It only reads.
//
// On Linux that is the call which can also set the clock, asked to change nothing.
// [Read] is the only place of this repository that may name it: internal/arch holds
// its shape, and a test looks at the system calls.
//
// What the kernel says is shown to people and never is an input to a bound: its
// maximum error is what some program wrote there, and 16 s if none does.
package timex
