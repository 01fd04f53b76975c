package ntpprobe

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// newYear is the beginning of a UTC month.
var newYear = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// leapWorld is a world whose UTC leaps. Its now goes on without a leap, so true time is
// now before the leap second and one second less, or more, after it.
type leapWorld struct {
	*world
	kind    Leap // what really happens; LeapNone: nothing
	instant int64

	late  time.Duration       // how long after the leap second honest servers make the step
	ahead time.Duration       // how long before it they announce it
	stays time.Duration       // how long after it they still do
	says  map[int]func() Leap // what liars announce
}

func newLeapWorld(seed uint64, servers, liars int, kind Leap, before time.Duration) *leapWorld {
	w := &leapWorld{world: newWorld(seed, servers, liars, 200_000), kind: kind, instant: newYear, ahead: 24 * time.Hour, says: map[int]func() Leap{}}
	w.steady(15_000)
	w.now = newYear - int64(before)
	w.shows = func(i int) int64 {
		late := w.late
		if _, lies := w.liars[i]; lies {
			late = 0
		}
		return w.posix(w.now-int64(late)) + int64(late)
	}
	return w
}

// begins is when, on the scale of now, the step is made.
func (w *leapWorld) begins() int64 {
	if w.kind == LeapDelete {
		return w.instant - leapSecond
	}
	return w.instant
}

// posix is the time of a clock that makes the step at the right moment.
func (w *leapWorld) posix(now int64) int64 {
	switch {
	case w.kind == LeapNone || now < w.begins():
		return now
	case w.kind == LeapDelete:
		return now + leapSecond
	}
	return now - leapSecond
}

// truths are the right answers: two in the inserted second, which some count as a
// second 23:59:59 and some as a second 00:00:00.
func (w *leapWorld) truths() []int64 {
	if w.kind == LeapInsert && w.now >= w.instant && w.now < w.instant+leapSecond {
		return []int64{w.now, w.now - leapSecond}
	}
	return []int64{w.posix(w.now)}
}

// ask lets a server answer; its leap indicator is from when it sent the reply.
func (w *leapWorld) ask(i int) Sample {
	s := w.exchange(i)
	switch says := w.says[i]; {
	case says != nil:
		s.Header.Leap = says()
	case w.kind != LeapNone && w.now > w.instant-int64(w.ahead) && w.now < w.begins()+int64(w.late+w.stays):
		s.Header.Leap = w.kind
	}
	return s
}

// Read makes the world's local clock one for a truetime.Clock.
func (w *leapWorld) Read() (truetime.Reading, error) { return w.reading(), nil }

// run polls the servers in turn until true time has gone on by d, publishes every bound to a clock
// and checks what that serves at some moments between: each right answer is in
// it, and no later latest is below an earlier earliest, which is what commit
// wait needs. It calls seen with each answer.
func (w *leapWorld) run(t *testing.T, seed uint64, a Assumptions, d time.Duration, seen func(e *Estimator, iv truetime.Interval, err error)) {
	t.Helper()
	e, err := NewEstimator(w.servers, a)
	require.NoError(t, err)
	clock := truetime.New(w, truetime.Options{})
	passed, last, generation := int64(0), int64(0), uint64(0)
	for turn, end := 0, w.now+int64(d); w.now < end; turn++ {
		s := w.ask(turn % len(w.servers))
		e.exchange(Exchange{Server: s.Server, Sample: s})
		b, reason := e.Bound(w.reading())
		if err := clock.Update(b, reason); err != nil {
			require.ErrorAs(t, err, new(*truetime.DisruptedError), "seed %d", seed)
		}
		if disrupted := new(truetime.DisruptedError); errors.As(reason, &disrupted) {
			e.forget() // as the prober does
		}
		for range 4 {
			w.pass(time.Duration(w.random.Int64N(int64(7 * time.Second))))
			iv, err := clock.Now()
			if err == nil {
				for _, truth := range w.truths() {
					if truth < iv.EarliestUnixNano() || truth > iv.LatestUnixNano() {
						t.Fatalf("seed %d: %v from the leap second: %d is outside [%d, %d]", seed, time.Duration(w.now-w.instant), truth, iv.EarliestUnixNano(), iv.LatestUnixNano())
					}
				}
				require.GreaterOrEqual(t, iv.LatestUnixNano(), passed, "seed %d: an earlier reading was certainly later", seed)
				passed = max(passed, iv.EarliestUnixNano())
				if now := clock.Status().Generation; now != generation {
					generation, last = now, iv.EarliestUnixNano()
				}
				require.GreaterOrEqual(t, iv.EarliestUnixNano(), last, "seed %d: earliest went back within a generation", seed)
				last = iv.EarliestUnixNano()
			}
			seen(e, iv, err)
		}
	}
}

// until announces an insertion up to a moment.
func (w *leapWorld) until(moment int64) Leap {
	if w.now < moment {
		return LeapInsert
	}
	return LeapNone
}
