package truetime

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DefaultDriftPPB is the drift D, in parts per billion, by which the clock of
// [NewLocalClock] is assumed to run wrong at most: 200 ppm, several times what
// quartz oscillators do between −20 °C and +70 °C.
const DefaultDriftPPB = 200_000

// rawClock reads CLOCK_MONOTONIC_RAW, the one Linux clock that adjtimex does
// not touch (CLOCK_MONOTONIC may legally be slewed by 10 % and more), and looks at
// every read for signs that it missed time:
//
//	suspend_linux.go      BOOTTIME against MONOTONIC        every read
//	vmclock_linux.go      the hypervisor's marker           every read
//	localclock_linux.go   RAW below the last look           every read
//	clocksource_linux.go  the kernel counts other hardware  a read per 100 ms
//
// Each begins a new epoch. docs/local-clocks.md says what nobody can see.
type rawClock struct {
	anchor time.Time                             // carries the runtime's CLOCK_MONOTONIC
	clock  func(id int32) (time.Duration, error) // clock_gettime
	source *clocksource                          // nil where the kernel does not say
	vm     *vmclock                              // nil without the device
	epoch  atomic.Pointer[rawEpoch]
}

// rawEpoch is what must stay as it is for the epoch to last.
type rawEpoch struct {
	number uint64
	cause  string
	base   time.Duration // BOOTTIME − MONOTONIC (since the anchor)
	source sourceName
	vm     vmState

	looked atomic.Int64 // RAW at the last look at the clock source; later readings are not below
}

// NewLocalClock returns the strict local clock of this system. On Linux it is
// CLOCK_MONOTONIC_RAW: a read makes two system calls, about 0.5 µs. It
// begins a new epoch when the machine was suspended, when the hypervisor says
// so (/dev/vmclock0, where it exists), when the counter went back, and when the kernel
// changed its clock source. Use one clock for everything in a process: readings
// of two clocks belong to different epochs. [NewFastClock] and [NewCounterClock]
// make cheaper ones that follow it.
//
// It returns an error if the kernel refuses one of the clocks, and so does Read.
//
// HAZARD: without a VMClock device a virtual machine that its hypervisor
// pauses, restores or migrates does not notice here. A change of the clock
// source is seen up to 100 ms late, and not at all if it is undone within that time.
func NewLocalClock() (LocalClock, error) {
	return newRawClock(clockGettime, clocksourcePath, vmclockPath)
}

func newRawClock(clock func(int32) (time.Duration, error), source, vm string) (*rawClock, error) {
	c := &rawClock{anchor: time.Now(), clock: clock, source: openClocksource(source), vm: openVMClock(vm)}
	if err := c.beginEpoch(nil, ""); err != nil {
		return nil, err
	}
	return c, nil
}

// Read reads RAW first and looks for a gap afterwards: one before the RAW read
// is then always seen, and one after it does no harm, since the reading is true
// for the instant at which it was taken. The other order would have a hole.
func (c *rawClock) Read() (Reading, error) {
	for {
		e := c.epoch.Load()
		looked := e.looked.Load() // before RAW, so that RAW must not be below it
		raw, err := c.clock(unix.CLOCK_MONOTONIC_RAW)
		if err != nil {
			return Reading{}, err
		}
		cause, err := c.gap(e, int64(raw), looked)
		if err != nil {
			return Reading{}, err
		}
		if cause == "" {
			return Reading{Nanos: int64(raw), Epoch: e.number}, nil
		}
		if err := c.beginEpoch(e, cause); err != nil {
			return Reading{}, err
		}
	}
}

// EpochCause says why the current epoch began; empty for the first one.
func (c *rawClock) EpochCause() string { return c.epoch.Load().cause }

// gap says why raw no longer belongs to the epoch, "" if it does. The clock
// source costs a system call of its own, so whoever first finds the last look
// sourceCheck ago takes it for all.
func (c *rawClock) gap(e *rawEpoch, raw, looked int64) (string, error) {
	if vm := c.vm.state(); vm != e.vm {
		return e.vm.became(vm), nil
	}
	if raw < looked {
		return fmt.Sprintf("the local clock went back by at least %v", time.Duration(looked-raw)), nil
	}
	slept, err := c.suspendedFor(e.base)
	if err != nil {
		return "", err
	}
	if slept != 0 {
		return fmt.Sprintf("the machine was suspended for %v", slept.Round(time.Millisecond)), nil
	}
	if raw-looked >= int64(sourceCheck) && e.looked.CompareAndSwap(looked, raw) {
		if source := c.source.name(); source != e.source {
			return fmt.Sprintf("the kernel changed its clock source from %v to %v", e.source, source), nil
		}
	}
	return "", nil
}

// beginEpoch replaces old unless another goroutine was faster. Whatever changes
// while it looks around is found by the next read.
func (c *rawClock) beginEpoch(old *rawEpoch, cause string) (err error) {
	e := &rawEpoch{cause: cause, source: c.source.name(), vm: c.vm.state()}
	if e.base, err = c.bootAhead(); err != nil {
		return err
	}
	raw, err := c.clock(unix.CLOCK_MONOTONIC_RAW)
	if err != nil {
		return err
	}
	e.looked.Store(int64(raw))
	e.number = NewEpoch()
	c.epoch.CompareAndSwap(old, e)
	return nil
}

// clockGettime asks the kernel without telling the scheduler: the call never
// blocks, and the detour costs a sixth of it.
func clockGettime(id int32) (time.Duration, error) {
	var ts unix.Timespec
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, fmt.Errorf("truetime: clock_gettime(%d): %w", id, errno)
	}
	return time.Duration(ts.Nano()), nil
}
