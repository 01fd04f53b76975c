package pause

import (
	"math/rand/v2"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// world is a simulated machine with one process on it, which looks at it as the monitor does. It
// knows what was done. RAW is its time.
type world struct {
	random *rand.Rand
	raw    int64
	mono   float64 // MONOTONIC − RAW
	slewed float64 // its rate
	asleep int64   // BOOTTIME − MONOTONIC
	wall   int64   // REALTIME − BOOTTIME

	cpu, gc  time.Duration
	waited   time.Duration
	waits    float64 // the rate at which it always does
	accounts accounts
	usual    usual // what the accounts always do, even outside of pauses
	limits   limits

	deeds []deed // what will be done, in order
}

// deed is done once, when RAW has come that far since the beginning.
type deed struct {
	at   time.Duration
	does func(*world)
}

const start = int64(5e12)

func newWorld(seed uint64, deeds ...deed) *world {
	return &world{
		random: rand.New(rand.NewPCG(seed, 7)), raw: start, wall: 1_700_000_000e9, deeds: deeds, limits: usualLimits,
		accounts: accounts{throttled: list(0), stolen: list(0, 0)},
	}
}

// pass lets time go by without a deed.
func (w *world) pass(d time.Duration) {
	w.raw += int64(d)
	w.mono += float64(d) * w.slewed
	w.cpu += time.Duration(w.usual.cpu * float64(d))
	w.waited += time.Duration(w.waits * float64(d))
	w.add(usual{throttled: w.usual.throttled, stolen: w.usual.stolen}, d)
}

func (w *world) add(rates usual, d time.Duration) {
	w.accounts.throttled = list(w.accounts.throttled["0"] + time.Duration(rates.throttled*float64(d)))
	w.accounts.stolen = list(w.accounts.stolen["0"]+time.Duration(rates.stolen*float64(d)), w.accounts.stolen["1"])
}

// sleep is the monitor's: it ends d later, by a timer that goes by MONOTONIC, or as soon as a pause
// is over.
func (w *world) sleep(d time.Duration) {
	end := w.raw + int64(float64(d)/(1+w.slewed))
	for len(w.deeds) > 0 && start+int64(w.deeds[0].at) <= end {
		next := w.deeds[0]
		w.deeds = w.deeds[1:]
		w.pass(time.Duration(max(0, start+int64(next.at)-w.raw)))
		next.does(w)
	}
	w.pass(time.Duration(max(0, end-w.raw)))
}

func (w *world) look() (clocks.Sandwich, reading, error) {
	w.pass(time.Duration(1000 + w.random.IntN(2000)))
	at := w.raw
	mono := func(d int64) int64 { return at + d + int64(w.mono) }
	boot := func(d int64) int64 { return mono(d) + w.asleep }
	s := clocks.Sandwich{
		Raw:  [2]int64{at, at + 1400},
		Boot: [2]int64{boot(200), boot(1200)},
		Real: [2]int64{boot(400) + w.wall, boot(1000) + w.wall},
		Mono: mono(600), TAI: boot(800) + w.wall,
	}
	w.pass(1400)
	return s, reading{mono: s.Mono, wall: s.Reading(clocks.Realtime), cpu: w.cpu, gc: w.gc, waited: w.waited}, nil
}

func (w *world) read() *accounts { a := w.accounts; return &a }

// watch is Monitor.watch in the world's time.
func (w *world) watch(until time.Duration) (findings []Finding) {
	known := newObserver(w.limits, ms)
	for w.raw < start+int64(until) {
		due := w.raw + int64(w.limits.period)
		s, r, _ := w.look()
		if known.wants(r) {
			r.accounts = w.read()
		}
		var found []Finding
		known, found = known.next(s, r)
		findings = append(findings, found...)
		w.sleep(time.Duration(max(0, due-w.raw)) + time.Duration(w.random.IntN(1_000_000)))
	}
	return findings
}

// The deeds.

func pauses(k Kind, d time.Duration) func(*world) {
	return func(w *world) {
		w.raw += int64(d)
		w.mono += float64(d) * w.slewed
		switch k {
		case GC:
			w.cpu, w.gc = w.cpu+d, w.gc+d*4/5
		case Held:
			w.cpu += d
		case Throttled:
			w.add(usual{throttled: 0.9}, d)
		case Stolen:
			w.add(usual{stolen: 0.9}, d)
		case Starved:
			w.waited += d * 98 / 100
		case Stopped:
		}
	}
}

func suspends(d time.Duration) func(*world) { return func(w *world) { w.asleep += int64(d) } }
func steps(d time.Duration) func(*world)    { return func(w *world) { w.wall += int64(d) } }
func slews(rate float64) func(*world)       { return func(w *world) { w.slewed = rate } }
