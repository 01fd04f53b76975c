package clocks

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ms, second = time.Millisecond, time.Second

// TestJudge_Stories: what was done to the machine is noticed once, with its size, and nothing
// else is. wants are kinds and sizes; a slew's first event has its rate in ppm.
func TestJudge_Stories(t *testing.T) {
	for name, story := range map[string]struct {
		rate  float64
		deeds []deed
		wants []string
	}{
		"nothing happens":                            {0, nil, nil},
		"nothing happens, 400 ppm off":               {400e-6, nil, nil},
		"a step of 1 ms":                             {0, []deed{at(3*second, step(ms))}, []string{"step 1ms"}},
		"a step of −1 ms":                            {0, []deed{at(3*second, step(-ms))}, []string{"step -1ms"}},
		"a step of 100 µs":                           {0, []deed{at(3*second, step(100*time.Microsecond))}, []string{"step 100µs"}},
		"a step of 1 s, 300 ppm off":                 {300e-6, []deed{at(3*second, step(second))}, []string{"step 1s"}},
		"a step of an hour":                          {0, []deed{at(3*second, step(time.Hour))}, []string{"step 1h0m0s"}},
		"a step of minus an hour":                    {0, []deed{at(3*second, step(-time.Hour))}, []string{"step -1h0m0s"}},
		"three steps, two of them undo each other":   {0, []deed{at(2*second, step(second)), at(3*second, step(-second)), at(4*second, step(5*ms))}, []string{"step 1s", "step -1s", "step 5ms"}},
		"adjtime: 500 ppm for 4 s":                   {0, []deed{at(3*second, slew(500e-6)), at(7*second, slew(0))}, []string{"slew 500ppm", "slew_end 2ms"}},
		"adjtime: −500 ppm, on a frequency of 200":   {200e-6, []deed{at(3*second, slew(-300e-6)), at(7*second, slew(200e-6))}, []string{"slew -300ppm", "slew_end -2ms"}},
		"chronyd's 83333 ppm for 3 s":                {-20e-6, []deed{at(3*second, slew(83313e-6)), at(6*second, slew(-20e-6))}, []string{"slew 83333ppm", "slew_end 250ms"}},
		"chronyd's −83333 ppm":                       {-20e-6, []deed{at(3*second, slew(-83353e-6)), at(6*second, slew(-20e-6))}, []string{"slew -83333ppm", "slew_end -250ms"}},
		"a slew that is over before it is certain":   {0, []deed{at(3*second+30*ms, slew(0.08)), at(3*second+80*ms, slew(0))}, []string{"slew_end 4ms"}},
		"a slew one way and then the other":          {0, []deed{at(3*second, slew(0.01)), at(5*second, slew(-0.01)), at(7*second, slew(0))}, []string{"slew 10000ppm", "slew_end 20ms", "slew -10000ppm", "slew_end -20ms"}},
		"a daemon that follows: 50 ppm":              {0, []deed{at(3*second, slew(50e-6)), at(6*second, slew(-40e-6))}, nil},
		"a suspend of 10 s":                          {0, []deed{at(3*second, suspend(10*second))}, []string{"suspend 10s"}},
		"a suspend, and the wall clock is set later": {0, []deed{at(3*second, suspend(10*second)), at(4*second, step(-2*second))}, []string{"suspend 10s", "step -2s"}},
		"a suspend and a step at once":               {0, []deed{at(3*second, suspend(10*second)), at(3*second, step(-2*second))}, []string{"suspend 10s", "step -2s"}},
		"the process stands still for 10 s":          {50e-6, []deed{at(3*second, pause(10*second))}, nil},
		"it stands still while the wall is set":      {0, []deed{at(3*second, pause(5*second)), at(3*second, step(-ms)), at(3*second, pause(5*second))}, []string{"step -1ms"}},
		"somebody tells the kernel TAI − UTC":        {0, []deed{at(3*second, func(m *machine) { m.tai += 1e9 })}, []string{"tai 1s"}},
		"a leap second is inserted":                  {0, []deed{at(3*second, func(m *machine) { m.wall -= 1e9; m.tai += 1e9 })}, []string{"step -1s", "tai 1s"}},
	} {
		for _, known := range []bool{true, false} {
			for seed := range uint64(20) {
				rate := math.NaN()
				if known {
					rate = story.rate
				}
				m := newMachine(seed, story.rate, story.deeds...)
				_, events := m.watch(t, NewJudge(rate), 20*second)
				require.Equal(t, story.wants, describe(t, events), "%s, seed %d, rate known %v", name, seed, known)
			}
		}
	}
}

// describe rounds events to what was done, if that is within their error.
func describe(t *testing.T, events []Event) (texts []string) {
	t.Helper()
	for _, e := range events {
		if e.Kind == Slew {
			require.Less(t, e.Rate.Error, 100e-6)
			texts = append(texts, fmt.Sprintf("%s %gppm", e.Kind, nearest(e.Rate, 500e-6, -300e-6, 83333e-6, -83333e-6, 10000e-6, -10000e-6)*1e6))
			continue
		}
		round := time.Millisecond
		if e.Size.Abs() < ms/2 {
			round = 100 * time.Microsecond
		}
		size := e.Size.Round(round)
		require.InDelta(t, float64(size), float64(e.Size), float64(e.Error), "%+v", e)
		if e.Kind == SlewEnd {
			require.Less(t, e.Error, 2*ms)
			require.Contains(t, []int{0, 2, 3, 4}, int(e.For.Round(500*ms)/second), "%v", e.For)
		} else {
			require.Less(t, e.Error, 20*time.Microsecond)
		}
		require.Greater(t, e.Within, time.Duration(0))
		texts = append(texts, fmt.Sprintf("%s %v", e.Kind, size))
	}
	return texts
}

// nearest returns the rate that r may be, 0 if none.
func nearest(r Rate, rates ...float64) float64 {
	for _, rate := range rates {
		if math.Abs(r.Ratio-rate) <= r.Error {
			return math.Round(rate*1e9) / 1e9
		}
	}
	return 0
}

// TestJudge_NoFalseAlarm: whatever interrupts the readings, nothing was done to the clocks.
func TestJudge_NoFalseAlarm(t *testing.T) {
	for seed := range uint64(60) {
		m := newMachine(seed, float64(m500(seed))*1e-6)
		m.jitter = busy
		_, events := m.watch(t, NewJudge(math.NaN()), 200*second)
		require.Empty(t, events, "seed %d, rate %v", seed, m.rate)
	}
}

// m500 is a rate from −500 to 500 ppm.
func m500(seed uint64) int64 { return int64(seed*7919%1001) - 500 }

// TestJudge_NothingHidesBehindJitter: on the busy machine each deed is noticed, once, and its
// size is within the error that is told.
func TestJudge_NothingHidesBehindJitter(t *testing.T) {
	for seed := range uint64(60) {
		m := newMachine(seed, float64(m500(seed))*1e-6, at(20*second, step(-150*ms)), at(40*second, suspend(10*second)), at(60*second, step(time.Hour)), at(80*second, pause(30*second)))
		m.jitter = busy
		_, events := m.watch(t, NewJudge(math.NaN()), 200*second)
		require.Len(t, events, 3, "seed %d: %+v", seed, events)
		for i, want := range []struct {
			kind Kind
			size time.Duration
		}{{Step, -150 * ms}, {Suspend, 10 * second}, {Step, time.Hour}} {
			require.Equal(t, want.kind, events[i].Kind, "seed %d", seed)
			require.LessOrEqual(t, (events[i].Size - want.size).Abs(), events[i].Error, "seed %d", seed)
		}
	}
}

// TestJudge_AWideSandwichHidesNothing: the step is less than what one sandwich can tell, and the
// next narrow one tells it.
func TestJudge_AWideSandwichHidesNothing(t *testing.T) {
	m := newMachine(1, 0)
	known, _ := m.watch(t, NewJudge(0), second)
	m.wall += int64(ms)
	wide, err := take(m.clock)
	require.NoError(t, err)
	for _, edge := range []*int64{&wide.Raw[1], &wide.Boot[1]} {
		*edge += int64(10 * ms)
	}
	known, events := known.Next(wide)
	require.Empty(t, events)
	narrow, err := narrowest(m.clock)
	require.NoError(t, err)
	_, events = known.Next(narrow)
	require.Len(t, events, 1)
	require.InDelta(t, float64(ms), float64(events[0].Size), float64(events[0].Error))
}

// TestJudge_ATornSandwichIsNoEvent: what happens while the clocks are read is told by the next.
func TestJudge_ATornSandwichIsNoEvent(t *testing.T) {
	for reading := range 2 * 8 {
		for name, do := range map[string]func(*machine){"step 1s": step(second), "step -1s": step(-second), "suspend 10s": suspend(10 * second)} {
			m := newMachine(1, 0)
			known, _ := m.watch(t, NewJudge(0), second)
			count := 0
			torn, err := take(func(c Clock) (int64, error) {
				value, err := m.clock(c)
				if count++; count == reading {
					do(m)
				}
				return value, err
			})
			require.NoError(t, err)
			known, first := known.Next(torn)
			next, err := narrowest(m.clock)
			require.NoError(t, err)
			_, second := known.Next(next)
			var want []string
			if reading >= 1 && reading <= 8 {
				want = []string{name}
			}
			require.Equal(t, want, describe(t, append(first, second...)), "%s after reading %d", name, reading)
		}
	}
}

// TestJudge_Alone: with one counter a suspend is told as a step, a slew of the wall clock is not
// told, and nothing is invented.
func TestJudge_Alone(t *testing.T) {
	wall := int64(1_700_000_000e9)
	now := int64(5e12)
	look := func() Sandwich {
		now += int64(Period)
		wall += int64(Period) + 50_000 // slewed by 500 ppm
		return Sandwich{Raw: [2]int64{now, now + 700}, Boot: [2]int64{now + 100, now + 600}, Real: [2]int64{wall, wall}, Mono: now + 300, TAI: wall, Alone: true}
	}
	known := NewJudge(math.NaN())
	var events []Event
	for i := range 100 {
		if i == 50 {
			wall += int64(10 * second)
		}
		var more []Event
		known, more = known.Next(look())
		events = append(events, more...)
	}
	require.Equal(t, 1, len(events))
	require.Equal(t, Step, events[0].Kind)
	require.InDelta(t, float64(10*second), float64(events[0].Size), float64(ms))
}

// TestJudge_ASlewFromTheBeginning: beyond what the kernel does by frequency alone it is one, and
// what it does until the watch ends is told.
func TestJudge_ASlewFromTheBeginning(t *testing.T) {
	for _, rate := range []float64{math.NaN(), 0.05} {
		aSlewFromTheBeginning(t, NewJudge(rate))
	}
}

func aSlewFromTheBeginning(t *testing.T, known Judge) {
	t.Helper()
	m := newMachine(3, 0.05)
	known, events := m.watch(t, known, 5*second)
	require.Len(t, events, 1)
	require.Equal(t, Slew, events[0].Kind)
	on, ok := known.Slewing()
	require.True(t, ok)
	require.InDelta(t, float64(250*ms), float64(on.Size), float64(10*ms))
	require.InDelta(t, 0.05, on.Rate.Ratio, on.Rate.Error)
	m.todo = []deed{at(6*second, slew(0))}
	known, events = m.watch(t, known, 10*second)
	require.Len(t, events, 1)
	require.Equal(t, SlewEnd, events[0].Kind)
	_, ok = known.Slewing()
	require.False(t, ok)
}

// TestJudge_ASlewAtAnyMoment: wherever in a window it begins and ends, its size is within the error
// that is told.
func TestJudge_ASlewAtAnyMoment(t *testing.T) {
	for k := range 200 {
		begin := 3*second + time.Duration(k)*7*ms
		m := newMachine(uint64(k), 100e-6, at(begin, slew(600e-6)), at(begin+3*second, slew(100e-6)))
		_, events := m.watch(t, NewJudge(math.NaN()), 12*second)
		require.Len(t, events, 2, "begins at %v", begin)
		require.Equal(t, SlewEnd, events[1].Kind)
		require.InDelta(t, float64(1500*time.Microsecond), float64(events[1].Size), float64(events[1].Error), "begins at %v", begin)
		require.Less(t, events[1].Error, 50*time.Microsecond)
	}
}
