package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
	"github.com/trueclock/trueclock/internal/timex"
)

// Machine is what was read of this machine. What is nil or empty could not be read, which is
// usual outside Linux.
type Machine struct {
	Kernel    timex.Kernel
	KernelErr error

	Clocksource string  // what the kernel's clocks count
	Hypervisor  *string // "" if none was seen
	VMClock     bool    // the hypervisor tells of migrations
	VMClockErr  error   // it may, but the device cannot be opened

	Asleep *time.Duration // since boot
	Rate   *clocks.Rate   // CLOCK_MONOTONIC against the hardware while it was watched

	StealBoot, StealNow *float64 // share of the time that the hypervisor took: since boot, while it was watched

	Daemons []Daemon       // of /proc; nil if that could not be read
	Hidden  bool           // others' processes are not shown
	Chrony  []ChronyConfig // one of each chronyd
}

// Look is what must be read twice.
type Look struct {
	clocks *clocks.Sandwich
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

// Read takes the second look and reads the rest, the kernel first, so that it is compared with what
// the caller has learned right before. root is the file system of the machine.
func Read(root fs.FS, before Look) Machine {
	kernel, err := timex.Read()
	now := Begin(root)
	m := Machine{
		Kernel: kernel, KernelErr: err,
		Clocksource: strings.TrimSpace(text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource")),
		Hypervisor:  hypervisor(root),
	}
	m.Daemons, m.Hidden = findDaemons(root)
	for _, d := range m.Daemons {
		if d.Name == "chronyd" {
			m.Chrony = append(m.Chrony, readChrony(root, parseChronyd(text(root, fmt.Sprintf("proc/%d/cmdline", d.PID)))))
		}
	}
	file, err := root.Open("dev/vmclock0")
	switch {
	case err == nil:
		m.VMClock = true
		_ = file.Close()
	case !errors.Is(err, fs.ErrNotExist):
		m.VMClockErr = err
	}
	if now.clocks != nil {
		if asleep := now.clocks.Difference(clocks.Boottime, clocks.Monotonic); asleep.Error() < slept {
			middle := asleep.Middle()
			m.Asleep = &middle
		}
	}
	if now.clocks != nil && before.clocks != nil {
		if rate := clocks.RateBetween(*before.clocks, *now.clocks, clocks.Monotonic, clocks.Raw); !math.IsInf(rate.Error, 0) {
			m.Rate = &rate
		}
	}
	if now.cpu != nil {
		m.StealBoot = now.cpu.steal(cpuTimes{})
	}
	if now.cpu != nil && before.cpu != nil {
		m.StealNow = now.cpu.steal(*before.cpu)
	}
	return m
}

// readClocks reads them as good as at once; nil if that tells nothing: where there is one counter
// only, or something came in between.
func readClocks() *clocks.Sandwich {
	s, err := clocks.Read()
	if err != nil || s.Alone || s.Torn() {
		return nil
	}
	return &s
}

// text is a file as a string, "" if it cannot be read.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return string(b)
}
