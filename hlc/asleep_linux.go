package hlc

import "golang.org/x/sys/unix"

// asleep returns for how long the machine has been suspended since it started, in ns: what
// CLOCK_BOOTTIME counts and the monotonic clock does not. 0 if the system does not say. A
// virtual machine that is paused by its host does not know.
func asleep() int64 {
	var slept int64
	for range 3 { // a process that stands still between the two clocks reads too little
		var boot, mono unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil || unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono) != nil {
			return 0
		}
		slept = max(slept, boot.Nano()-mono.Nano())
	}
	return slept
}
