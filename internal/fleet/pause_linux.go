package fleet

import (
	"syscall"
	"time"
)

// coarse is by how much a timer of the runtime may be late: on Linux an idle program
// waits in whole milliseconds.
const coarse = 2 * time.Millisecond

// early is by how much the kernel is told to wake us before the moment: it may be late by as much.
const early = 150 * time.Microsecond

// pauseUntil blocks the thread until shortly before the moment and then watches the clock.
func pauseUntil(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		if pause := left - early; pause > 0 {
			ts := syscall.NsecToTimespec(int64(pause))
			_ = syscall.Nanosleep(&ts, nil) // interrupted: the rest in another turn
		}
	}
}
