package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/trueclock/trueclock/internal/timex"
)

// Limits are what the checks compare with.
type Limits struct {
	DriftPPB, WanderPPB int64         // D and V
	Warning, Danger     time.Duration // of the worst error of the wall clock
}

// keptWell is the largest error at which a kept clock is called well kept. chronyd itself believes no
// source that is further away than 3 s (maxdistance), and one of the Internet is within 100 ms; a kernel
// that nobody tells adds a second in 33 minutes (500 ppm).
const keptWell = time.Second

// Local checks this machine.
func Local(m Machine, l Limits) []Check {
	return []Check{m.kernel(), m.slew(l), m.clocksource(), m.suspend(), m.virtual(), m.steal(), m.daemons(), m.chrony(l)}
}

func (m Machine) kernel() Check {
	c := Check{
		Name: "kernel-sync", Limit: fmt.Sprintf("synchronized, error at most %v", keptWell),
		Why: "The kernel knows whether somebody keeps its clock, and programs look at that (node_exporter, ClockBound). In a container or a virtual machine, and under chronyd without rtcsync, it is unsynchronized however good the clock is.",
		Do:  "If this machine keeps its own time, start a time daemon, with rtcsync if it is chronyd. Otherwise ask servers how good the clock is: clockctl check.",
	}
	k := m.Kernel
	switch {
	case m.KernelErr != nil:
		return c.found(Skip, "%v", m.KernelErr)
	case k.Status.Has(timex.ClockError):
		return c.found(Fail, "the kernel reports a fault of the clock's hardware")
	case !k.Synchronized():
		return c.found(Warn, "unsynchronized, maximum error %v", atMost(k.MaxError))
	}
	return c.found(warnIf(k.MaxError > keptWell), "synchronized, maximum error %v", atMost(k.MaxError))
}

func (m Machine) slew(l Limits) Check {
	c := Check{
		Name: "slew", Limit: fmt.Sprintf("%g ppm (--max-drift)", float64(l.DriftPPB)/1000),
		Why: "While a clock is slewed, time-outs and durations of programs are wrong by the rate of the slew. A lasting correction beyond --max-drift means that the hardware is worse than the interval assumes.",
		Do:  "Wait until the slew is over. If the correction stays, raise --max-drift above it.",
	}
	var parts []string
	bad := false
	if m.KernelErr == nil {
		rate := m.Kernel.Rate()
		bad = math.Abs(rate)*1e9 > float64(l.DriftPPB)
		parts = append(parts, "the kernel makes the clock run "+ppm(rate))
		if left := m.Kernel.Offset; left != 0 {
			parts = append(parts, fmt.Sprintf("its loop has %v to go", short(left)))
		}
	}
	if r := m.Rate; r != nil {
		bad = bad || (math.Abs(r.Ratio)-r.Error)*1e9 > float64(l.DriftPPB)
		parts = append(parts, fmt.Sprintf("measured %s ± %.3f ppm", ppm(r.Ratio), r.Error*1e6))
	}
	switch r := m.Rate; {
	case parts == nil:
		return c.found(Skip, "this system does not tell")
	case !bad && m.KernelErr != nil && (math.Abs(r.Ratio)+r.Error)*1e9 > float64(l.DriftPPB):
		return c.found(Skip, "%s: too short a look to tell", parts[0])
	}
	return c.found(warnIf(bad), "%s", strings.Join(parts, "; "))
}

// slow are clock sources that take a microsecond or more to read; useless those that stand still for
// milliseconds.
var (
	slow    = []string{"hpet", "acpi_pm", "pit", "hyperv_clocksource_msr"}
	useless = []string{"jiffies", "refined-jiffies"}
)

func (m Machine) clocksource() Check {
	c := Check{
		Name: "clock-source", Limit: "a counter of the processor or the hypervisor",
		Why: "Every reading of every clock counts this hardware. The kernel falls back to a slow one when it mistrusts the processor's counter.",
		Do:  "See the kernel's log for \"clocksource\" and \"tsc\": unstable firmware, or a virtual machine that should offer kvm-clock or a Hyper-V page.",
	}
	switch {
	case m.Clocksource == "":
		return c.found(Skip, "this system does not tell")
	case slices.Contains(useless, m.Clocksource):
		return c.found(Fail, "%s, which stands still for milliseconds", m.Clocksource)
	case slices.Contains(slow, m.Clocksource):
		return c.found(Warn, "%s, which is slow to read", m.Clocksource)
	}
	return c.found(OK, "%s", m.Clocksource)
}

// slept is from when on a difference of two clocks is a sleep: truetime takes that for one, too.
const slept = time.Millisecond

func (m Machine) suspend() Check {
	c := Check{
		Name: "suspend", Limit: slept.String(),
		Why: "In a suspend CLOCK_MONOTONIC stands still, and with it every time-out and lease of programs written in Go and most others; the wall clock comes back from a coarse one.",
		Do:  "Keep servers from sleeping (systemd: mask suspend.target). On a laptop it is normal.",
	}
	if m.Asleep == nil {
		return c.found(Skip, "this system does not tell")
	}
	if *m.Asleep < -slept {
		return c.found(Skip, "the clocks are those of a time namespace, which hides it")
	}
	if *m.Asleep <= slept {
		return c.found(OK, "not since boot")
	}
	return c.found(Warn, "asleep for %v since boot", short(*m.Asleep))
}

func (m Machine) virtual() Check {
	c := Check{
		Name: "virtual-machine", Limit: "none, or one that tells of migrations",
		Why: "A live migration or a restored snapshot stops the clocks or makes them jump, and nothing in the guest sees it, unless the hypervisor offers /dev/vmclock0. An interval may be wrong from then until the next samples.",
		Do:  "Use a hypervisor with VMClock and Linux 6.13 or later, and let this user read the device; or ask the servers often.",
	}
	switch {
	case m.VMClock:
		return c.found(OK, "a virtual machine with /dev/vmclock0")
	case m.VMClockErr != nil:
		return c.found(Warn, "a virtual machine whose /dev/vmclock0 cannot be opened: %v", why(m.VMClockErr))
	case m.Hypervisor == nil:
		return c.found(Skip, "nothing here tells whether there is a hypervisor")
	case *m.Hypervisor == "":
		return c.found(OK, "no hypervisor seen")
	}
	return c.found(Warn, "a virtual machine (%s) without /dev/vmclock0", *m.Hypervisor)
}

// muchSteal is the share from which on others take so much that clocks are read late: with the kernel's
// ticks of 10 ms one in a hundred means a pause that long each second, beyond any error of a good network.
const muchSteal = 0.01

func (m Machine) steal() Check {
	c := Check{
		Name: "steal", Limit: percent(muchSteal),
		Why: "While the hypervisor runs somebody else, packets wait and clocks are read late: uncertainty grows, and pauses end leases.",
		Do:  "Take a machine with processors of its own, or move the noisy neighbour.",
	}
	var parts []string
	bad := false
	for _, p := range []struct {
		share *float64
		when  string
	}{{m.StealBoot, "since boot"}, {m.StealNow, "now"}} {
		if p.share != nil {
			parts = append(parts, percent(*p.share)+" "+p.when)
			bad = bad || *p.share > muchSteal
		}
	}
	if parts == nil {
		return c.found(Skip, "this system does not tell")
	}
	return c.found(warnIf(bad), "%s", strings.Join(parts, ", "))
}

func (m Machine) daemons() Check {
	c := Check{
		Name: "time-daemon", Limit: "at most one",
		Why: "Two programs that steer one clock fight each other: it is slewed back and forth, and neither knows its error.",
		Do:  "Stop and disable all but one. A ptp4l that only feeds chronyd is fine.",
	}
	if m.Daemons == nil {
		return c.found(Skip, "the processes cannot be seen")
	}
	var words []string
	steering := map[string]bool{}
	several := false
	for _, d := range m.Daemons {
		word := fmt.Sprintf("%s (pid %d)", d.Name, d.PID)
		if !d.Steers {
			words = append(words, word+", which does not touch the clock")
			continue
		}
		words = append(words, word)
		several = several || steering[d.Name]
		steering[d.Name] = true
	}
	if steering["ptp4l"] && steering["phc2sys"] {
		delete(steering, "phc2sys") // they work together
	}
	bad := several || len(steering) > 1 && !steering["timemaster"] // which runs the others
	if !bad && m.Hidden {
		return c.found(Skip, "the processes of others are hidden; seen: %s", cmp.Or(strings.Join(words, ", "), "none"))
	}
	if words == nil {
		return c.found(OK, "none seen; in a container it may run outside")
	}
	return c.found(warnIf(bad), "%s", strings.Join(words, ", "))
}

func (m Machine) chrony(l Limits) Check {
	c := Check{
		Name: "maxclockerror", Limit: fmt.Sprintf("at least %g ppm (--wander)", float64(l.WanderPPB)/1000),
		Why: "Between samples chronyd lets its error grow by this much, beside what it measured. Clocks wander more than the default of 1 ppm, so the error that it claims, and that its clients and ClockBound believe, may be too small.",
		Do:  "Add a line such as: maxclockerror 15",
	}
	if m.Chrony == nil {
		return c.found(Skip, "no chronyd seen")
	}
	status := OK
	var parts []string
	for _, config := range m.Chrony {
		low := !(config.MaxClockError*1000 >= float64(l.WanderPPB)) // not a number is none
		part := fmt.Sprintf("%g ppm (%s)", config.MaxClockError, config.File)
		switch {
		case config.Unread != "":
			part = config.Unread + " cannot be read"
			if status == OK {
				status = Skip
			}
		case !config.Set:
			part = fmt.Sprintf("%g ppm (the default, in %s)", config.MaxClockError, config.File)
		}
		if low && config.Unread == "" {
			status = Warn
		}
		if part = printable(part); !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return c.found(status, "%s", strings.Join(parts, ", "))
}

// printable keeps what a terminal shows as itself: anybody can name a file.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

// why leaves out of an error where it happened.
func why(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
