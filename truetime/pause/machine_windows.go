package pause

import (
	"io/fs"
	"time"

	"golang.org/x/sys/windows"
)

func root() fs.FS { return nil }

// processCPU returns the CPU time that this process has used, all threads together.
func processCPU() (time.Duration, error) {
	var created, exited, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user); err != nil {
		return 0, err
	}
	return duration(kernel) + duration(user), nil
}

// duration converts a length, in units of 100 ns; Filetime.Nanoseconds would take it for a date.
func duration(f windows.Filetime) time.Duration {
	return time.Duration(int64(f.HighDateTime)<<32|int64(f.LowDateTime)) * 100
}
