// Package clocks reads the clocks of this machine side by side and judges what was done to
// them: steps, slews, suspends. It only reads.
//
// On Linux there are five. REALTIME, MONOTONIC, BOOTTIME and TAI tick alike, since the kernel
// slews them together; RAW is the hardware's count, which nobody steers. So three differences
// tell everything apart (Linux, kernel/time/timekeeping.c):
//
//	REALTIME − BOOTTIME   is constant but for steps (of the wall clock; a leap second is one)
//	BOOTTIME − MONOTONIC  is constant but for suspends
//	MONOTONIC − RAW       grows as the clocks are slewed
//
// A process that is paused sees none of the three move.
package clocks
