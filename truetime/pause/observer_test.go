package pause

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestObserver_Stories: what was done is told once, as what it was, and nothing else is.
func TestObserver_Stories(t *testing.T) {
	for name, story := range map[string]struct {
		usual usual
		deeds []deed
		wants []string
	}{
		"nothing happens": {},
		"nothing happens to a process that is busy on a bad machine": {usual: usual{cpu: 1.5, throttled: 0.3, stolen: 0.2}},
		"SIGSTOP for 500 ms":                     {deeds: []deed{{3 * time.Second, pauses(Stopped, 500*ms)}}, wants: []string{"stopped 500ms"}},
		"the same on a bad machine":              {usual: usual{cpu: 1.5, throttled: 0.3, stolen: 0.2}, deeds: []deed{{3 * time.Second, pauses(Stopped, 500*ms)}}, wants: []string{"stopped 500ms"}},
		"the same a moment after the accounts":   {deeds: []deed{{4100 * ms, pauses(Stopped, 500*ms)}}, wants: []string{"stopped 500ms"}},
		"a GC pause of 200 ms":                   {deeds: []deed{{3 * time.Second, pauses(GC, 200*ms)}}, wants: []string{"gc 200ms"}},
		"throttled after calm":                   {deeds: []deed{{3900 * ms, pauses(Throttled, 300*ms)}}, wants: []string{"throttled 300ms"}},
		"throttled twice, and calm in between":   {deeds: []deed{{3900 * ms, pauses(Throttled, 300*ms)}, {5500 * ms, pauses(Throttled, 300*ms)}}, wants: []string{"throttled 300ms", "throttled 300ms"}},
		"stolen after calm":                      {deeds: []deed{{3900 * ms, pauses(Stolen, 300*ms)}}, wants: []string{"stolen 300ms"}},
		"starved":                                {deeds: []deed{{3900 * ms, pauses(Starved, 300*ms)}}, wants: []string{"starved 300ms"}},
		"a loop that lets nobody run":            {deeds: []deed{{3 * time.Second, pauses(Held, 300*ms)}}, wants: []string{"held 300ms"}},
		"one pause after another":                {deeds: []deed{{3 * time.Second, pauses(Throttled, 300*ms)}, {4 * time.Second, pauses(Stopped, 400*ms)}, {5 * time.Second, pauses(GC, 300*ms)}}, wants: []string{"throttled 300ms", "stopped 400ms", "gc 300ms"}},
		"the wall clock goes back an hour":       {deeds: []deed{{3 * time.Second, steps(-time.Hour)}}, wants: []string{"stepped -1h0m0s"}},
		"the wall clock goes 8 h forward":        {deeds: []deed{{3 * time.Second, steps(8 * time.Hour)}}, wants: []string{"stepped 8h0m0s"}},
		"a step below the limit":                 {deeds: []deed{{3 * time.Second, steps(500 * time.Microsecond)}}},
		"a suspend of ten minutes":               {deeds: []deed{{3 * time.Second, suspends(10 * time.Minute)}}, wants: []string{"suspended 10m0s"}},
		"a suspend, and the clock is set":        {deeds: []deed{{3 * time.Second, suspends(10 * time.Second)}, {3 * time.Second, steps(-2 * time.Second)}}, wants: []string{"suspended 10s", "stepped -2s"}},
		"the wall clock is set during a SIGSTOP": {deeds: []deed{{3 * time.Second, pauses(Stopped, 500*ms)}, {3 * time.Second, steps(time.Minute)}}, wants: []string{"stopped 500ms", "stepped 1m0s"}},
		"ntpd slews by 500 ppm for 4 s":          {deeds: []deed{{3 * time.Second, slews(500e-6)}, {7 * time.Second, slews(0)}}, wants: []string{"slewing 500ppm", "slewed 2ms"}},
		"chronyd slews by 83333 ppm":             {deeds: []deed{{3 * time.Second, slews(83333e-6)}, {6 * time.Second, slews(0)}}, wants: []string{"slewing 83333ppm", "slewed 250ms"}},
		"a SIGSTOP within a slew":                {deeds: []deed{{3 * time.Second, slews(500e-6)}, {5 * time.Second, pauses(Stopped, time.Second)}, {7 * time.Second, slews(0)}}, wants: []string{"slewing 500ppm", "stopped 1s", "slewed 2ms"}},
		"a daemon that follows its servers":      {deeds: []deed{{3 * time.Second, slews(40e-6)}, {7 * time.Second, slews(-30e-6)}}},
	} {
		for seed := range uint64(20) {
			w := newWorld(seed, story.deeds...)
			w.usual = story.usual
			require.Equal(t, story.wants, describe(t, w.watch(15*time.Second), story.wants), "%s, seed %d", name, seed)
		}
	}
}

// TestObserver_ASlewMakesNoPause: timers go by the clock that is slewed, by up to a tenth, and so does
// what measures whether they are late; whatever the period.
func TestObserver_ASlewMakesNoPause(t *testing.T) {
	for _, rate := range []float64{500e-6, -500e-6, 83333e-6, -83333e-6, 0.1, -0.1} {
		for _, period := range []time.Duration{ms, 400 * ms, 2 * time.Second, time.Minute} {
			w := newWorld(1, deed{3 * period, slews(rate)})
			w.limits.period = period
			for _, f := range w.watch(20*period + 5*time.Second) {
				require.False(t, f.Kind.StoodStill(), "%v at a slew by %v, period %v", f, rate, period)
			}
		}
	}
}

// TestObserver_WorkBeforeASIGSTOP: where in its period a pause began is not known. An idle process
// that begins to work and is stopped before the next look seems to have worked all the while.
func TestObserver_WorkBeforeASIGSTOP(t *testing.T) {
	told := map[Kind]int{}
	for seed := range uint64(100) {
		begins := 3*time.Second + time.Duration(seed)*ms
		w := newWorld(seed, deed{begins, func(w *world) { w.usual.cpu = 2 }}, deed{begins + 60*ms, pauses(Stopped, 155*ms)})
		findings := w.watch(5 * time.Second)
		require.Len(t, findings, 1, "seed %d", seed)
		told[findings[0].Kind]++
	}
	require.Len(t, told, 2, "%v", told)
	require.NotZero(t, told[Stopped], "%v", told)
	require.NotZero(t, told[Held], "%v", told)
}

// describe says of each finding what was expected of the one in its place, if it lies within what
// the finding leaves open.
func describe(t *testing.T, findings []Finding, wants []string) (texts []string) {
	t.Helper()
	for i, f := range findings {
		var size time.Duration
		if i < len(wants) {
			var kind, text string
			_, err := fmt.Sscan(wants[i], &kind, &text)
			require.NoError(t, err)
			size, _ = time.ParseDuration(text)
		}
		switch {
		case f.Kind == Slewing:
			texts = append(texts, fmt.Sprintf("%s %.0fppm", f.Kind, f.Rate*1e6))
		case f.Least <= size && size <= f.Most:
			texts = append(texts, fmt.Sprintf("%s %v", f.Kind, size))
		default:
			texts = append(texts, f.String())
		}
		require.LessOrEqual(t, f.Most-f.Least, usualLimits.period+2*ms, "%+v", f)
		require.Greater(t, f.Within, time.Duration(0))
	}
	return texts
}

// TestObserver_AnyPauseOnAnyMachine: whatever the machine usually does, a pause that lasts a
// period and the limit is told, once, and its length is enclosed. The world is the oracle. Its
// cause is right, too, but for one thing that cannot be known: where in its period a short one
// began, and so how much CPU time a process used in it that is busy on both CPUs anyway. What was
// Held is then told as Stopped, and never the other way round.
func TestObserver_AnyPauseOnAnyMachine(t *testing.T) {
	kinds := []Kind{Stopped, Starved, Throttled, Stolen, GC, Held}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 1))
		kind := kinds[random.IntN(len(kinds))]
		length := 152*ms + time.Duration(random.Int64N(int64(3*time.Second)))
		w := newWorld(seed, deed{3*time.Second + time.Duration(random.Int64N(int64(time.Second))), pauses(kind, length)})
		w.usual = usual{cpu: 2 * random.Float64(), throttled: 0.3 * random.Float64(), stolen: 0.3 * random.Float64()}
		w.waits = 0.4 * random.Float64()
		findings := w.watch(12 * time.Second)
		require.Len(t, findings, 1, "seed %d: %v for %v", seed, kind, length)
		f := findings[0]
		if short := length < 4*usualLimits.period; !short || kind != Held || f.Kind != Stopped {
			require.Equal(t, kind, f.Kind, "seed %d: %+v", seed, f)
		}
		require.LessOrEqual(t, f.Least, length+2*ms, "seed %d", seed)
		require.GreaterOrEqual(t, f.Most, length, "seed %d", seed)
	}
}

// TestObserver_NextIsAFunction: the same readings give the same findings.
func TestObserver_NextIsAFunction(t *testing.T) {
	w := newWorld(1, deed{500 * ms, pauses(Stopped, 500*ms)})
	known := newObserver(usualLimits, ms)
	for range 20 {
		s, r, _ := w.look()
		r.accounts = w.read()
		next, found := known.next(s, r)
		_, again := known.next(s, r)
		require.Equal(t, found, again)
		known = next
		w.sleep(100 * ms)
	}
}
