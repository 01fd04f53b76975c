package pause

import (
	"math"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// accountsEvery is how often the kernel's accounts are read while nothing happens: often enough
// to know what is usual, and rarely enough to cost little. Until anything is known it is accountsFirst.
const accountsEvery, accountsFirst = 2 * time.Second, time.Second

// usual are the rates at which accounts grew before, per unit of time.
type usual struct {
	cpu, throttled, stolen float64
	known                  bool
}

// observer is what is known after some readings. It has no clock of its own: next is a function
// of what it is given.
type observer struct {
	limits limits
	step   time.Duration // the smallest step of the wall clock that counts
	judge  clocks.Judge

	seen  bool
	last  reading
	since reading // the last one with accounts
	usual usual
}

func newObserver(l limits, step time.Duration) observer {
	return observer{limits: l, step: step, judge: clocks.NewJudge(math.NaN())}
}

// wants reports whether the next reading should have the accounts.
func (o observer) wants(r reading) bool {
	every := accountsEvery
	if !o.usual.known {
		every = accountsFirst
	}
	return !o.seen || o.limits.late(o.last, r) >= o.limits.pause || time.Duration(r.mono-o.since.mono) >= every
}

// next adds what was read and returns what it shows.
func (o observer) next(s clocks.Sandwich, r reading) (observer, []Finding) {
	var findings []Finding
	paused := false
	if o.seen {
		findings = classify(o.since, o.last, r, o.usual, o.limits)
		paused = len(findings) > 0
	}
	judge, events := o.judge.Next(s)
	o.judge = judge
	for _, e := range events {
		if f, ok := o.finding(e); ok {
			findings = append(findings, f)
		}
	}
	return o.learn(r, paused), findings
}

// learn remembers the reading, and what is usual unless it holds a pause.
func (o observer) learn(r reading, paused bool) observer {
	if o.seen && !paused {
		o.usual.cpu = rate(r.cpu-o.last.cpu, r.mono-o.last.mono)
		if grew, ok := growth(o.since.accounts, r.accounts); ok {
			lasted := r.mono - o.since.mono
			o.usual.throttled, o.usual.stolen = rate(grew.throttled, lasted), rate(grew.stolen, lasted)
			o.usual.known = true
		}
	}
	if r.accounts != nil || r.mono < o.since.mono {
		o.since = r
	}
	o.last, o.seen = r, true
	return o
}

func rate(grew time.Duration, lasted int64) float64 {
	if grew <= 0 || lasted <= 0 {
		return 0
	}
	return float64(grew) / float64(lasted)
}

// finding translates what was done to the clocks. A change of TAI alone is no concern of a
// program: the wall clock did not move.
func (o observer) finding(e clocks.Event) (Finding, bool) {
	kind, ok := map[clocks.Kind]Kind{clocks.Suspend: Suspended, clocks.Step: Stepped, clocks.Slew: Slewing, clocks.SlewEnd: Slewed}[e.Kind]
	if !ok || kind == Stepped && e.Size.Abs()+e.Error < o.step {
		return Finding{}, false
	}
	return Finding{
		Kind: kind, Least: e.Size - e.Error, Most: e.Size + e.Error, Rate: e.Rate.Ratio,
		Wall: time.Unix(0, e.Wall).UTC(), Within: e.Within,
	}, true
}
