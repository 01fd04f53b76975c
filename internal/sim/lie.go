package sim

import (
	"math/rand/v2"
	"time"
)

// Lie is a way to be wrong. Liars know everything: the true time, the delays of
// each packet and what the honest servers say.
type Lie struct {
	Name string
	tell func(a asked, r *reply)
}

// shift moves both stamps.
func (r *reply) shift(d time.Duration) { r.received, r.sent = r.received+d, r.sent+d }

// certain claims to have no error at all.
func (r *reply) certain() { r.rootDelay, r.rootDispersion, r.precision = 0, 0, -32 }

// Gross is simply wrong.
func Gross(by time.Duration) *Lie {
	return &Lie{"gross", func(_ asked, r *reply) { r.shift(by) }}
}

// Lean claims certainty and is shifted by a little: such an interval overlaps
// what the honest servers leave, at its edge, and leaves true time out. See [Config.lean] for how much.
func Lean(by time.Duration) *Lie {
	return &Lie{"overlap", func(_ asked, r *reply) { r.shift(by); r.certain() }}
}

// Drag pulls away slowly from a moment on, so that each reply fits the one
// before.
func Drag(from time.Duration, ratePPM float64) *Lie {
	return &Lie{"drag", func(a asked, r *reply) {
		r.shift(time.Duration(ratePPM * ppm * float64(max(0, a.at-from))))
	}}
}

// Jump picks another error, up to ±most, every so often.
func Jump(seed uint64, every, most time.Duration) *Lie {
	return &Lie{"jump", func(a asked, r *reply) { r.shift(wobble(seed, a.at/every, most)) }}
}

// wobble is a fixed random number in ±most.
func wobble(seed uint64, k, most time.Duration) time.Duration {
	u := rand.New(rand.NewPCG(seed, uint64(k))).Float64()
	return time.Duration((2*u - 1) * float64(most))
}

// Delay claims to have held the packet for nearly the whole round trip, as if
// the path took no time, and adds a shift: a very narrow interval anywhere within ±the delay.
func Delay(by time.Duration) *Lie {
	return &Lie{"delay", func(a asked, r *reply) {
		r.received -= a.forward * 9 / 10
		r.sent += a.back * 9 / 10
		r.shift(by)
		r.certain()
	}}
}

// Collude makes all who share the returned lie tell one false time: off by most
// times a slow wave, and certain of it.
func Collude(seed uint64, most time.Duration) *Lie {
	return &Lie{"collusion", func(a asked, r *reply) {
		const every = 20 * time.Minute
		k := a.at / every
		before, after := wobble(seed, k, most), wobble(seed, k+1, most)
		r.shift(before + time.Duration(float64(after-before)*float64(a.at%every)/float64(every)))
		r.rootDispersion /= 4
	}}
}

// Perfect errs as it would, and claims that it does not.
func Perfect() *Lie {
	return &Lie{"perfect", func(a asked, r *reply) {
		r.certain()
		r.sent = r.received
	}}
}

// Inconsistent says one thing and then another, so that its own claims exclude
// each other.
func Inconsistent(by, every time.Duration) *Lie {
	return &Lie{"inconsistent", func(a asked, r *reply) {
		if a.at/every%2 == 0 {
			r.shift(by)
		} else {
			r.shift(-by)
		}
	}}
}

// Turn is honest until a moment and wrong from there on.
func Turn(at, by time.Duration) *Lie {
	return &Lie{"turncoat", func(a asked, r *reply) {
		if a.at >= at {
			r.shift(by)
		}
	}}
}

// Strategies are the names of all lies, for [Config.Corrupt].
var Strategies = []string{"gross", "overlap", "drag", "jump", "delay", "collusion", "perfect", "inconsistent", "turncoat"}

// Corrupt makes some of the servers liars of one strategy, or of any if the
// name is "any". The numbers are drawn. Call it once the honest servers are as they will be.
func (c *Config) Corrupt(random *rand.Rand, strategy string, servers ...int) {
	shared := Collude(random.Uint64(), c.reach())
	for _, i := range servers {
		name := strategy
		if name == "any" {
			name = Strategies[random.IntN(len(Strategies))]
		}
		c.Servers[i].Lie = c.lie(random, name, i, shared)
	}
}

func (c *Config) lie(random *rand.Rand, name string, i int, shared *Lie) *Lie {
	sign := time.Duration(1 - 2*random.IntN(2))
	some := func(most time.Duration) time.Duration { return sign * time.Duration(random.Int64N(int64(most))) }
	switch name {
	case "gross":
		return Gross(some(2*time.Second) + sign*50*time.Millisecond)
	case "overlap":
		return Lean(c.lean(i, int(sign), random.Float64()))
	case "drag":
		return Drag(some(time.Hour).Abs(), float64(sign)*300*random.Float64())
	case "jump":
		return Jump(random.Uint64(), 100*time.Second+some(time.Hour).Abs(), 3*c.reach())
	case "delay":
		return Delay(some(c.reach()))
	case "collusion":
		return shared
	case "turncoat":
		return Turn(some(2*time.Hour).Abs(), some(3*c.reach()))
	case "inconsistent":
		return Inconsistent(some(3*c.reach()), 30*time.Second+some(20*time.Minute).Abs())
	}
	return Perfect()
}

// reach is about as far as an honest server's interval extends: the longest way
// there and back plus its claim.
func (c *Config) reach() time.Duration {
	most := time.Millisecond
	for i := range c.Servers {
		s := c.Servers[i].withDefaults(i)
		most = max(most, s.Path.Forward.Min+s.Path.Back.Min+s.clientClaim(0))
	}
	return most
}

// lean returns a shift for server i on one side (+1: late, −1: early) so that
// its interval leaves true time out and still overlaps all honest ones. part, from 0
// to 1, says how far into what the honest ones leave.
func (c *Config) lean(i, side int, part float64) time.Duration {
	edge := time.Hour
	for k := range c.Servers {
		s := c.Servers[k].withDefaults(k)
		if k == i || s.Lie != nil {
			continue
		}
		forward, back := s.Path.least()
		room := forward + s.clientClaim(0) + s.off(0)
		if side < 0 {
			room = back + s.clientClaim(0) - s.off(0)
		}
		edge = min(edge, room)
	}
	liar := c.Servers[i].withDefaults(i)
	liar.RootDelay, liar.RootDispersion, liar.Precision = 0, 0, -32
	forward, back := liar.Path.least()
	own := back
	if side < 0 {
		own = forward
	}
	return time.Duration(side) * (own + liar.clientClaim(0) + time.Duration((0.05+0.9*part)*float64(edge)))
}
