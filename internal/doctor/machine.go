package doctor

import (
	"io/fs"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/timex"
)

// Machine is what was read of this machine. What is nil or empty could not be read, which is
// usual outside Linux.
type Machine struct {
	Kernel    timex.Kernel
	KernelErr error

	Clocksource string // what the kernel's clocks count
	Hypervisor  string // "" if none was seen
	VMClock     bool   // the hypervisor tells of migrations

	Asleep *time.Duration // since boot
	Rate   *Rate          // CLOCK_MONOTONIC against the hardware while it was watched

	StealBoot, StealNow *float64 // share of the time that the hypervisor took: since boot, while it was watched

	Daemons []Daemon // of /proc; nil if that could not be read
	Chrony  *ChronyConfig
}

// Look is what must be read twice.
type Look struct {
	clocks *clocks
	cpu    *cpuTimes
}

// Begin takes the first look. The longer it is until Read, the sharper are the rates; 200 ms
// show a slew of 500 ppm.
func Begin(root fs.FS) Look {
	l := Look{clocks: readClocks()}
	if times, ok := parseCPUTimes(text(root, "proc/stat")); ok {
		l.cpu = &times
	}
	return l
}

// Read takes the second look and reads the rest. root is the file system of the machine.
func Read(root fs.FS, before Look) Machine {
	m := Machine{
		Clocksource: strings.TrimSpace(text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")),
		Hypervisor:  hypervisor(root),
		Daemons:     findDaemons(root),
		Chrony:      readChrony(root),
	}
	m.Kernel, m.KernelErr = timex.Read()
	if file, err := root.Open("dev/vmclock0"); err == nil {
		m.VMClock = true
		_ = file.Close()
	}
	now := Begin(root)
	if now.clocks != nil {
		m.Asleep = &now.clocks.asleep
	}
	if now.clocks != nil && before.clocks != nil {
		m.Rate = before.clocks.rate(*now.clocks)
	}
	if now.cpu != nil {
		m.StealBoot = now.cpu.steal(cpuTimes{})
	}
	if now.cpu != nil && before.cpu != nil {
		m.StealNow = now.cpu.steal(*before.cpu)
	}
	return m
}

// text is a file as a string, "" if it cannot be read.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(b)
}
