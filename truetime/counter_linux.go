//go:build amd64 || arm64

package truetime

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// counter reads the CPU's counter. All instructions before it have been
// executed, and the kernel reads it behind such a fence too, so that in
//
//	counter() · clock_gettime · counter()
//
// the kernel's own look at the counter lies between the other two. It is in
// assembly because Go has no instruction for it.
func counter() int64

// evidence is where Linux says whether its counter can be trusted.
type evidence struct {
	clocksource string // file with the name of the clock source in use
	cpuinfo     string // file with the properties of each CPU
	timer       string // pattern of the device tree's properties of the timer; arm64
}

var linuxEvidence = evidence{clocksource: clocksourcePath, cpuinfo: "/proc/cpuinfo", timer: "/proc/device-tree/timer/*"}

// trustCounter returns a *NoCounterError unless everybody who knows trusts it.
func trustCounter(strict LocalClock) error {
	if _, ok := strict.(*rawClock); !ok {
		return &NoCounterError{fmt.Sprintf("a clock made by NewLocalClock to follow (%T may not count what the CPU counts)", strict)}
	}
	return linuxEvidence.check(counterSource, counterFlaw)
}

// check compares the clock source with the one that is the counter, and asks flaw
// what speaks against the CPUs.
func (e evidence) check(want string, flaw func(cpuinfo string, timer []string) string) error {
	name, err := os.ReadFile(e.clocksource)
	if err != nil {
		return &NoCounterError{"the name of the kernel's clock source: " + err.Error()}
	}
	if have := strings.TrimSpace(string(name)); have != want {
		return &NoCounterError{fmt.Sprintf("%s as the kernel's clock source (it uses %q)", want, have)}
	}
	cpuinfo, err := os.ReadFile(e.cpuinfo)
	if err != nil {
		return &NoCounterError{"the properties of the CPUs: " + err.Error()}
	}
	timer, _ := filepath.Glob(e.timer) // fails only on a bad pattern
	if missing := flaw(string(cpuinfo), timer); missing != "" {
		return &NoCounterError{missing}
	}
	return nil
}

// tscFlaw wants of every CPU that its counter runs at one rate (constant_tsc),
// does not stop in deep sleep (nonstop_tsc) and can be read in order (rdtscp).
func tscFlaw(cpuinfo string, _ []string) string {
	cpus := 0
	for line := range strings.Lines(cpuinfo) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != "flags" {
			continue
		}
		cpus++
		for _, flag := range []string{"constant_tsc", "nonstop_tsc", "rdtscp"} {
			if !strings.Contains(" "+strings.TrimSpace(value)+" ", " "+flag+" ") {
				return flag + " in /proc/cpuinfo"
			}
		}
	}
	if cpus == 0 {
		return "the flags of the CPUs in /proc/cpuinfo"
	}
	return ""
}

// genericTimerFlaw: the architecture promises a constant counter, so what speaks
// against one are errata, which the kernel works around and a single
// instruction does not: those in the device tree's timer node
// (…,erratum-…), and ARM erratum 858921 of the Cortex-A73 (part 0xd09).
func genericTimerFlaw(cpuinfo string, timer []string) string {
	for _, property := range timer {
		if strings.Contains(property, "erratum") {
			return "a timer without " + filepath.Base(property)
		}
	}
	parts := 0
	for line := range strings.Lines(cpuinfo) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != "CPU part" {
			continue
		}
		parts++
		if strings.TrimSpace(value) == "0xd09" {
			return "CPUs other than the Cortex-A73, whose counter has erratum 858921"
		}
	}
	if parts == 0 {
		return "the parts of the CPUs in /proc/cpuinfo"
	}
	return ""
}
