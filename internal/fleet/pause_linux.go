package fleet

import (
	"syscall"
	"time"
)

// coarse is by how much a timer of the runtime may be late: on Linux an idle program
// waits in whole milliseconds.
const coarse = 2 * time.Millisecond

// pauseUntil blocks the thread, which the kernel wakes within some 50 µs of the moment.
func pauseUntil(due time.Time) {
	for left := time.Until(due); left > 0; left = time.Until(due) {
		pause := syscall.NsecToTimespec(int64(left))
		_ = syscall.Nanosleep(&pause, nil) // interrupted: the rest in another turn
	}
}
