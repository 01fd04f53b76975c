package sim

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"time"
)

// Oscillator says how the local counter runs. Its rate is the sum of the parts,
// as long as it runs; the zero Oscillator is perfect.
type Oscillator struct {
	RatePPM float64
	Sine    Sine
	Ramps   []Ramp
	Steps   []RateStep
	Walk    Walk
	Pauses  []Pause
}

// Sine is a rate that swings, as with the temperature of a day.
type Sine struct {
	PPM    float64
	Period time.Duration
	Phase  float64 // radians
}

// Ramp changes the rate evenly by PPM between two moments.
type Ramp struct {
	From, To time.Duration
	PPM      float64
}

// RateStep changes the rate at once, as a migration to another host does.
type RateStep struct {
	At  time.Duration
	PPM float64
}

// Walk changes the rate by up to ±StepPPM every so often, within ±LimitPPM.
type Walk struct {
	StepPPM, LimitPPM float64
	Every             time.Duration
}

// Pause is a time in which the machine does nothing and its counter stands
// still. With Epoch the local clock notices afterwards, as for a suspend; without, it is
// the silent pause of a virtual machine.
type Pause struct {
	At, For time.Duration
	Epoch   bool
}

// counter is an oscillator made ready: it gives the count at any moment, in any
// order. Rates are plain ratios and times nanoseconds of running time, that is,
// without the pauses.
type counter struct {
	pieces []piece
	sine   Sine
	omega  float64 // radians per nanosecond
	pauses []Pause
}

// piece is a stretch in which the rate, the sine aside, is linear in time.
type piece struct {
	from  float64
	phase float64 // counted beyond true time until from
	rate  float64
	slope float64 // per nanosecond
}

const ppm = 1e-6

// build lays out the pieces. The walk is drawn until length.
func (o Oscillator) build(random *rand.Rand, length time.Duration) *counter {
	c := &counter{sine: o.Sine, pauses: slices.Clone(o.Pauses)}
	slices.SortFunc(c.pauses, func(a, b Pause) int { return int(a.At - b.At) })
	if o.Sine.Period > 0 {
		c.omega = 2 * math.Pi / float64(o.Sine.Period)
	}
	walk := o.Walk.draw(random, length)
	cuts := []float64{0}
	for _, s := range append(walk, o.Steps...) {
		cuts = append(cuts, float64(s.At))
	}
	for _, r := range o.Ramps {
		cuts = append(cuts, float64(r.From), float64(r.To))
	}
	slices.Sort(cuts)
	phase, before := 0.0, 0.0
	for i, from := range slices.Compact(cuts) {
		if i > 0 {
			phase += c.pieces[i-1].beyond(from - before)
		}
		p := piece{from: from, phase: phase, rate: o.RatePPM * ppm}
		for _, s := range append(walk, o.Steps...) {
			if float64(s.At) <= from {
				p.rate += s.PPM * ppm
			}
		}
		for _, r := range o.Ramps {
			rate, slope := r.at(from)
			p.rate, p.slope = p.rate+rate, p.slope+slope
		}
		c.pieces = append(c.pieces, p)
		before = from
	}
	return c
}

// draw makes the walk a list of rate steps. One that would leave the limit turns
// back.
func (w Walk) draw(random *rand.Rand, length time.Duration) []RateStep {
	if w.Every <= 0 {
		return nil
	}
	var steps []RateStep
	at := 0.0
	for t := w.Every; t < length; t += w.Every {
		by := w.StepPPM * (2*random.Float64() - 1)
		if math.Abs(at+by) > w.LimitPPM {
			by = -by
		}
		if math.Abs(at+by) > w.LimitPPM {
			by = 0
		}
		at += by
		steps = append(steps, RateStep{At: t, PPM: by})
	}
	return steps
}

// at is the rate that a ramp has reached, and how it goes on.
func (r Ramp) at(t float64) (rate, slope float64) {
	from, to := float64(r.From), float64(r.To)
	switch {
	case t < from:
		return 0, 0
	case t >= to:
		return r.PPM * ppm, 0
	}
	slope = r.PPM * ppm / (to - from)
	return slope * (t - from), slope
}

// beyond is what d nanoseconds of a piece count more than true time.
func (p piece) beyond(d float64) float64 { return p.rate*d + p.slope*d*d/2 }

// at returns what the counter counted from moment 0 to t, in nanoseconds
// rounded down. It never goes back.
func (c *counter) at(t time.Duration) int64 {
	ran := c.running(t)
	d := float64(ran)
	i := sort.Search(len(c.pieces), func(i int) bool { return c.pieces[i].from > d }) - 1
	p := c.pieces[max(i, 0)]
	x := p.phase + p.beyond(d-p.from)
	if c.omega > 0 {
		x += c.sine.PPM * ppm / c.omega * (math.Cos(c.sine.Phase) - math.Cos(c.omega*d+c.sine.Phase))
	}
	return int64(ran) + int64(math.Floor(x))
}

// running is t without the pauses before it.
func (c *counter) running(t time.Duration) time.Duration {
	ran := t
	for _, p := range c.pauses {
		if p.At >= t {
			break
		}
		ran -= min(p.For, t-p.At)
	}
	return ran
}

// awake is t, or the end of the pause in which t falls.
func (c *counter) awake(t time.Duration) time.Duration {
	for _, p := range c.pauses {
		if p.At <= t && t < p.At+p.For {
			t = p.At + p.For
		}
	}
	return t
}

// later is the moment at which the machine has run for d more, as its own timers
// see it.
func (c *counter) later(t, d time.Duration) time.Duration {
	for _, p := range c.pauses {
		if t <= p.At && p.At < t+d {
			d += p.For
		}
	}
	return t + d
}

// epoch is the number of suspends that are over at t.
func (c *counter) epoch(t time.Duration) (n int) {
	for _, p := range c.pauses {
		if p.Epoch && p.At+p.For <= t {
			n++
		}
	}
	return n
}

// slopes returns the least and the largest dθ/dL, in parts per billion, that the
// counter can have until length outside of pauses: θ = true − local, so a
// counter that runs r fast has −r/(1+r).
func (c *counter) slopes(length time.Duration) (least, most float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for i, p := range c.pieces {
		end := float64(length)
		if i+1 < len(c.pieces) {
			end = c.pieces[i+1].from
		}
		last := p.rate + p.slope*max(0, end-p.from)
		low, high = min(low, p.rate, last), max(high, p.rate, last)
	}
	if c.omega > 0 {
		low, high = low-c.sine.PPM*ppm, high+c.sine.PPM*ppm
	}
	return -high / (1 + high) * 1e9, -low / (1 + low) * 1e9
}

// drift is the least D in ppb with which A1 holds, not counting silent pauses.
func (c *counter) drift(length time.Duration) int64 {
	least, most := c.slopes(length)
	return int64(math.Ceil(max(-least, most)))
}

// wander is a V in ppb with which A1w holds over any window: half the range of
// the rate.
func (c *counter) wander(length time.Duration) int64 {
	least, most := c.slopes(length)
	return int64(math.Ceil((most - least) / 2))
}
