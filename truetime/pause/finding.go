package pause

import (
	"fmt"
	"time"
)

// Kind is what happened.
type Kind string

// The pauses: the process stood still, or the part of it that would have noticed.
const (
	Stopped   Kind = "stopped"   // nobody ran it, and no account says why: SIGSTOP, freezer, debugger, a stopped machine, a slow page
	Starved   Kind = "starved"   // it could have run, and others had the CPUs; told as Stopped if the monitor came to another thread
	Throttled Kind = "throttled" // its cgroup had used up its CPU time
	Stolen    Kind = "stolen"    // the hypervisor gave the CPU to others
	GC        Kind = "gc"        // it ran; the Go runtime had stopped its goroutines to collect garbage
	Held      Kind = "held"      // it ran; its goroutines or the runtime let nobody else run
)

// What was done to the clocks.
const (
	Suspended Kind = "suspended" // the machine slept
	Stepped   Kind = "stepped"   // the wall clock was set; a leap second is a step, too
	Slewing   Kind = "slewing"   // the clocks began to run at another rate
	Slewed    Kind = "slewed"    // and run as before
)

// StoodStill reports whether k is a pause or a suspend: time passed in which this program did
// nothing. What it knew before it, such as a lease, may be over.
func (k Kind) StoodStill() bool {
	switch k {
	case Stopped, Starved, Throttled, Stolen, GC, Held, Suspended:
		return true
	}
	return false
}

// Finding is something that was noticed.
type Finding struct {
	Kind Kind

	// Least and Most enclose how long it stood still, or by how much the clock was moved: of a
	// step back both are negative. Of Slewing they are 0. Those of a pause are MONOTONIC's, as
	// those of time.Since are. HAZARD: within a slew they are off by its share.
	Least, Most time.Duration

	// Rate is the one of a slew, against RAW, as a ratio: 1e-6 is 1 ppm. Of Slewed it is the
	// rate at which it was furthest from normal.
	Rate float64

	Wall   time.Time     // what the wall clock showed when it was noticed: after a step, the new time
	Within time.Duration // it began no longer ago than that, by a clock that nobody moves

	Evidence Evidence // of a pause

	// Missed is how many findings before this one the callback did not get, since it took too
	// long and the history forgot them. In [Monitor.History] it is 0.
	Missed uint64
}

// Evidence is what the accounts say of a pause. What this system does not tell is 0.
type Evidence struct {
	// Beyond what is usual for so long a time:
	CPU       time.Duration // that this process used, all threads together
	Throttled time.Duration // by the cgroup or one above it, the sum of its CPUs
	Stolen    time.Duration // from the CPU that lost most

	// Since the monitor looked before it:
	GC     time.Duration // for which the runtime stopped all goroutines to collect garbage
	Waited time.Duration // for a CPU, by the thread of the monitor; 0 if it is on another one now
}

func (f Finding) String() string {
	switch {
	case f.Kind == Slewing:
		return fmt.Sprintf("%s at %+.0f ppm", f.Kind, f.Rate*1e6)
	case f.Kind == Stepped || f.Kind == Slewed:
		return fmt.Sprintf("%s by %v", f.Kind, f.middle())
	}
	return fmt.Sprintf("%s for %v", f.Kind, f.middle())
}

func (f Finding) middle() string {
	return fmt.Sprintf("%v ± %v", (f.Least + (f.Most-f.Least)/2).Round(10*time.Microsecond), ((f.Most - f.Least) / 2).Round(10*time.Microsecond))
}
