package truetime

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const counterSource = "tsc"

// counterFlaw is tscFlaw for a process that may execute RDTSC at all: a sandbox
// can forbid it by prctl, and the instruction then ends the process.
func counterFlaw(cpuinfo string, timer []string) string {
	var mode int32
	if err := unix.Prctl(unix.PR_GET_TSC, uintptr(unsafe.Pointer(&mode)), 0, 0, 0); err != nil || mode != unix.PR_TSC_ENABLE {
		return "leave to execute RDTSC (prctl PR_GET_TSC)"
	}
	return tscFlaw(cpuinfo, timer)
}
