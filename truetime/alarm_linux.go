package truetime

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// systemAlarms are those of the process.
var systemAlarms = sync.OnceValue(func() *alarms {
	return newSystemAlarms(func() (int, error) {
		return unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	})
})

func newSystemAlarms(create func() (fd int, err error)) *alarms {
	fd, err := create()
	if err != nil { // no descriptor is left
		return newAlarms()
	}
	a := &alarms{}
	a.bell = &fdBell{a: a, fd: fd, file: os.NewFile(uintptr(fd), "timerfd")}
	return a
}

func (c *rawClock) ofTheSystem() bool { return true }

func (x *extension) ofTheSystem() bool { return ofTheSystem(x.strict) }

// started is when this package was initialised, on two clocks that are one outside of a bubble.
var started = struct {
	runtime time.Time
	kernel  time.Duration
}{time.Now(), monotonic()}

// inBubble says that the runtime's clock is not the kernel's: the caller is in a bubble of testing/synctest. Channels of a bubble must
// not be closed from outside, and a goroutine that reads a descriptor inside would stop its time.
func inBubble() bool {
	return (time.Since(started.runtime) - (monotonic() - started.kernel)).Abs() > time.Second
}

// monotonic is CLOCK_MONOTONIC.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // does not fail on Linux
	return time.Duration(t.Nano())
}

// fdBell is a timerfd in the runtime's poller, and a goroutine while something is pending. The runtime's own timers
// sleep in epoll_wait, whose time-out has whole milliseconds; what is left of being late here is what the
// machine takes to wake up, and the least that it took lately is taken off beforehand.
type fdBell struct {
	a       *alarms
	fd      int
	file    *os.File
	serving bool          // there is a goroutine
	due     time.Duration // what the timerfd is set to
	lead    time.Duration // how late it was at least, lately
}

const longestLead = time.Millisecond // longer was a pause

func (b *fdBell) now() time.Duration { return monotonic() }

// arm adds 2⁻¹¹, since CLOCK_MONOTONIC may be slewed by 500 ppm against the local clock: who wakes up too early
// has to sleep again.
func (b *fdBell) arm(d time.Duration) {
	d += d >> 11
	if d > 4*b.lead {
		d -= b.lead
	}
	b.due = b.now() + d
	_ = unix.TimerfdSettime(b.fd, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(1, d)))}, nil) // fails on a bad descriptor only
	if !b.serving {
		b.serving = true
		go b.serve()
	}
}

// rest has serve look, and end, unless it is looking.
func (b *fdBell) rest(rung bool) {
	if !rung {
		b.arm(1)
	}
}

func (b *fdBell) serve() {
	var expirations [8]byte
	for {
		if _, err := b.file.Read(expirations[:]); err != nil {
			time.Sleep(time.Millisecond) // somebody has closed our descriptor: late is better than never
		}
		b.learn()
		if !b.a.ring() && b.end() {
			return
		}
	}
}

// learn follows the least that it was late lately: down at once, and up slowly. Before it is due somebody has set it
// anew meanwhile.
func (b *fdBell) learn() {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	late := min(b.now()-b.due, longestLead)
	if late < 0 {
		return
	}
	b.lead = min(late, b.lead+(late-b.lead)/16)
}

// end says whether serve may end: nothing has been set since it looked.
func (b *fdBell) end() bool {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	b.serving = len(b.a.pending) > 0
	return !b.serving
}
