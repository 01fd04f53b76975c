package clocks

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// machine is a simulated one. It counts RAW; the others follow from what was done to it. Each
// reading takes time, and whatever is scheduled happens while it does, between readings or not.
type machine struct {
	random *rand.Rand
	now    int64   // RAW
	grain  int64   // how coarse the counter is; 0: a nanosecond
	rate   float64 // of MONOTONIC against RAW − 1
	mono   float64 // MONOTONIC at changed
	since  int64   // RAW when the rate last changed
	asleep int64   // BOOTTIME − MONOTONIC
	wall   int64   // REALTIME − BOOTTIME
	tai    int64
	jitter func(*rand.Rand) int64 // what a reading takes

	todo []deed // in the order of their time

	reads []int64 // RAW at each reading
}

// deed is something that happens at a moment.
type deed struct {
	at int64 // RAW, from the beginning
	do func(*machine)
}

func newMachine(seed uint64, rate float64, todo ...deed) *machine {
	return &machine{random: rand.New(rand.NewPCG(seed, 1)), rate: rate, now: 5e12, since: 5e12, mono: 5e12, wall: 1_700_000_000e9, tai: 37e9, jitter: quick, todo: todo}
}

// quick readings are those of a machine that has nothing else to do.
func quick(r *rand.Rand) int64 { return 150 + r.Int64N(200) }

// busy readings are interrupted: one in ten by up to 20 ms, and one in a thousand by seconds.
func busy(r *rand.Rand) int64 {
	switch n := r.IntN(1000); {
	case n == 0:
		return r.Int64N(3e9)
	case n < 100:
		return r.Int64N(20e6)
	}
	return quick(r)
}

// pass lets time go by, with what is to happen in it.
func (m *machine) pass(d int64) {
	end := m.now + d
	for len(m.todo) > 0 && m.todo[0].at+5e12 <= end {
		deed := m.todo[0]
		m.todo = m.todo[1:]
		m.now = max(m.now, deed.at+5e12)
		deed.do(m)
	}
	m.now = max(m.now, end)
}

func (m *machine) clock(c Clock) (int64, error) {
	m.pass(m.jitter(m.random))
	count := m.now - m.now%max(m.grain, 1)
	value := count
	m.reads = append(m.reads, count)
	if c != Raw {
		value = int64(m.mono + float64(count-m.since)*(1+m.rate))
	}
	switch c {
	case Boottime:
		value += m.asleep
	case Realtime:
		value += m.asleep + m.wall
	case TAI:
		value += m.asleep + m.wall + m.tai
	}
	m.pass(m.jitter(m.random))
	return value, nil
}

// watch looks ten times a second until the machine's counter says so, as Watch does.
func (m *machine) watch(t testing.TB, known Judge, until time.Duration) (Judge, []Event) {
	t.Helper()
	var all []Event
	for m.now < 5e12+int64(until) {
		s, err := narrowest(m.clock)
		require.NoError(t, err)
		next, events := known.Next(s)
		if again, same := known.Next(s); again != next || !slices.Equal(events, same) {
			t.Fatal("not a function of what it is given")
		}
		known, all = next, append(all, events...)
		m.pass(int64(Period))
	}
	return known, all
}

func at(after time.Duration, do func(*machine)) deed { return deed{int64(after), do} }

func step(d time.Duration) func(*machine) { return func(m *machine) { m.wall += int64(d) } }

func suspend(d time.Duration) func(*machine) { return func(m *machine) { m.asleep += int64(d) } }

// pause is a process that stands still: every clock runs on.
func pause(d time.Duration) func(*machine) { return func(m *machine) { m.now += int64(d) } }

func slew(rate float64) func(*machine) {
	return func(m *machine) {
		m.mono, m.since = m.mono+float64(m.now-m.since)*(1+m.rate), m.now
		m.rate = rate
	}
}
