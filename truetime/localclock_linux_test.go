package truetime

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// machine is the computer under a strict clock: the kernel's clocks as they are
// here, which a test may shift, a clock-source file and a VMClock page.
type machine struct {
	slept   atomic.Int64 // what BOOTTIME has gained on MONOTONIC
	back    atomic.Int64 // how far RAW went back
	source  string
	device  string
	between func() // if set, called once between the RAW read and what follows
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{source: filepath.Join(dir, "current_clocksource"), device: filepath.Join(dir, "vmclock0")}
	m.setSource(t, "tsc")
	return m
}

func (m *machine) setSource(t testing.TB, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(m.source, []byte(name+"\n"), 0o600))
}

// start returns the strict clock of this machine.
func (m *machine) start(t testing.TB) *rawClock {
	t.Helper()
	c, err := newRawClock(m.clock, m.source, m.device)
	require.NoError(t, err)
	return c
}

func (m *machine) clock(id int32) (time.Duration, error) {
	d, err := clockGettime(id)
	switch id {
	case unix.CLOCK_BOOTTIME:
		d += time.Duration(m.slept.Load())
	case unix.CLOCK_MONOTONIC_RAW:
		d -= time.Duration(m.back.Load())
		if f := m.between; f != nil {
			m.between = nil
			f()
		}
	}
	return d, err
}

func read(t testing.TB, c LocalClock) Reading {
	t.Helper()
	r, err := c.Read()
	require.NoError(t, err)
	return r
}

// pass waits until the clock has run on for d.
func pass(t testing.TB, c LocalClock, d time.Duration) {
	t.Helper()
	for start := read(t, c); ; {
		if r := read(t, c); r.Epoch != start.Epoch || r.Nanos-start.Nanos > int64(d) {
			return
		}
	}
}

func TestRawClock_NeverGoesBackAndRaisesNoFalseAlarm(t *testing.T) {
	local, err := NewLocalClock()
	require.NoError(t, err)
	c := local.(*rawClock)
	first := read(t, c)
	var readers sync.WaitGroup
	for range 4 { // more than there are cores, so that reads are preempted half-way
		readers.Go(func() {
			last := first
			for range 100_000 {
				r, err := c.Read()
				if err != nil || r.Nanos < last.Nanos || r.Epoch != first.Epoch {
					t.Errorf("%v after %v: %v (%s)", r, last, err, c.EpochCause())
					return
				}
				last = r
			}
		})
	}
	readers.Wait()
	require.Empty(t, c.EpochCause())
}

// TestRawClock_EachGapBeginsOneEpoch, also if it falls between the RAW read and
// the look for it, and the cause is given in words.
func TestRawClock_EachGapBeginsOneEpoch(t *testing.T) {
	for _, g := range []struct {
		why   string
		gap   func(*testing.T, *machine, *vmPage)
		cause string
	}{
		{"the lid was closed for an hour", func(_ *testing.T, m *machine, _ *vmPage) { m.slept.Add(int64(time.Hour)) }, `^the machine was suspended for (1h0m0s|59m59\.9\d*s|1h0m0\.0\d*s)$`},
		{"the machine moved to another host", func(_ *testing.T, _ *machine, p *vmPage) { p.disrupt(8) }, `^the hypervisor disrupted the clock, as in a live migration \(VMClock marker 7 → 8\)$`},
		{"and back to an older snapshot", func(_ *testing.T, _ *machine, p *vmPage) { p.restore(4, 3) }, `restored from a snapshot \(VMClock generation 2 → 3\)$`},
		{"the counter lost a second", func(_ *testing.T, m *machine, _ *vmPage) { m.back.Add(int64(time.Second)) }, `^the local clock went back by at least 9\d\d\.\d*ms$`},
		{"the page of the hypervisor was taken away", func(t *testing.T, _ *machine, p *vmPage) { p.truncate(t, 0) }, `^the VMClock page went away$`},
		{"the hypervisor hangs in the middle of an update", func(_ *testing.T, _ *machine, p *vmPage) { p.seq().Add(1) }, `does not finish an update`},
	} {
		for _, inside := range []bool{false, true} {
			t.Run(g.why, func(t *testing.T) {
				m := newMachine(t)
				page := newVMPage(t, m.device)
				c := m.start(t)
				before := read(t, c)
				if inside {
					m.between = func() { g.gap(t, m, page) }
				} else {
					g.gap(t, m, page)
				}
				if r := read(t, c); inside && m.back.Load() == 0 { // RAW that went back shows only in the next RAW
					require.NotEqual(t, before.Epoch, r.Epoch, "the gap came between RAW and the look for it: nobody can tell, so it counts")
				}
				epochs := readTogether(t, c)
				require.Greater(t, epochs[0], before.Epoch)
				for _, e := range epochs {
					require.Equal(t, epochs[0], e)
				}
				require.Regexp(t, g.cause, c.EpochCause())
			})
		}
	}
}

// readTogether reads by eight goroutines and returns the epochs they saw.
func readTogether(t *testing.T, c LocalClock) (epochs [8]uint64) {
	t.Helper()
	var readers sync.WaitGroup
	for i := range epochs {
		readers.Go(func() {
			r, err := c.Read()
			if err != nil {
				t.Error(err)
			}
			epochs[i] = r.Epoch
		})
	}
	readers.Wait()
	return epochs
}

func TestRawClock_TheThresholdIsOneMillisecond(t *testing.T) {
	m := newMachine(t)
	c := m.start(t)
	before := read(t, c)
	m.slept.Add(int64(suspendThreshold / 2))
	require.Equal(t, before.Epoch, read(t, c).Epoch)
	m.slept.Add(int64(suspendThreshold))
	require.NotEqual(t, before.Epoch, read(t, c).Epoch)
}

// TestRawClock_ASmallStepBackIsSeenFromTheLastLook: below what the last look at
// the clock source saw nothing can be, above it nobody keeps count.
func TestRawClock_ASmallStepBackIsSeenFromTheLastLook(t *testing.T) {
	for range 100 { // on a busy machine it may have looked again just before the step
		m := newMachine(t)
		c := m.start(t)
		first := read(t, c)
		pass(t, c, sourceCheck/2)
		m.back.Add(int64(sourceCheck / 10))
		if read(t, c).Epoch != first.Epoch {
			continue
		}
		m.back.Add(int64(sourceCheck * 2))
		require.Greater(t, read(t, c).Epoch, first.Epoch)
		return
	}
	t.Fatal("a step to above the last look was seen")
}

func TestRawClock_AChangeOfTheClockSourceIsSeenAtTheNextLook(t *testing.T) {
	m := newMachine(t)
	c := m.start(t)
	first := read(t, c)
	m.setSource(t, "hpet")
	pass(t, c, sourceCheck)
	then := read(t, c)
	require.Greater(t, then.Epoch, first.Epoch)
	require.GreaterOrEqual(t, then.Nanos-first.Nanos, int64(sourceCheck))
	require.Equal(t, "the kernel changed its clock source from tsc to hpet", c.EpochCause())
	pass(t, c, 2*sourceCheck)
	require.Equal(t, then.Epoch, read(t, c).Epoch, "one change is one epoch")

	require.NoError(t, os.Truncate(m.source, 0))
	pass(t, c, sourceCheck)
	require.Greater(t, read(t, c).Epoch, then.Epoch)
	require.Equal(t, "the kernel changed its clock source from hpet to one that it does not name", c.EpochCause())
}

func TestRawClock_WorksWithoutAnyOfTheFiles(t *testing.T) {
	m := newMachine(t)
	m.source += ".absent"
	c := m.start(t)
	first := read(t, c)
	pass(t, c, 2*sourceCheck)
	require.Equal(t, first.Epoch, read(t, c).Epoch)
}

func TestRawClock_TheKernelsRefusalIsAnError(t *testing.T) {
	_, err := newRawClock(func(int32) (time.Duration, error) { return 0, unix.EPERM }, "", "")
	require.ErrorIs(t, err, unix.EPERM)
	_, err = clockGettime(12345)
	require.ErrorIs(t, err, unix.EINVAL)
}

func TestRawClock_TwoClocksShareNoEpoch(t *testing.T) {
	m := newMachine(t)
	a, b := read(t, m.start(t)), read(t, m.start(t))
	require.NotEqual(t, a.Epoch, b.Epoch)
	require.NotZero(t, a.Epoch)
}

func TestRawClock_DoesNotAllocate(t *testing.T) {
	m := newMachine(t)
	newVMPage(t, m.device)
	c := m.start(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = c.Read() }))
}

// TestRawClock_CountsNanoseconds: its rate is that of the wall clock within what
// a daemon may slew and a test can see.
func TestRawClock_CountsNanoseconds(t *testing.T) {
	c := newMachine(t).start(t)
	began := time.Now()
	a := read(t, c)
	timer := time.NewTimer(100 * time.Millisecond)
	<-timer.C
	elapsed := time.Since(began)
	b := read(t, c)
	after := time.Since(began)
	require.GreaterOrEqual(t, float64(b.Nanos-a.Nanos), 0.89*float64(100*time.Millisecond))
	require.LessOrEqual(t, float64(b.Nanos-a.Nanos), 1.11*float64(after))
	require.GreaterOrEqual(t, elapsed, 100*time.Millisecond)
}
