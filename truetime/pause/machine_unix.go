//go:build unix && !linux

package pause

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"
)

func root() fs.FS { return nil }

// processCPU returns the CPU time that this process has used, all threads together.
func processCPU() (time.Duration, error) {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		return 0, err
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()), nil
}
