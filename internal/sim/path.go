package sim

import (
	"math/rand/v2"
	"time"
)

// Path is the way between the machine and one server. Nothing in it is
// symmetric.
type Path struct {
	Forward, Back Direction // to the server, and from it
	Routes        []Route   // later ways, in order of time
	Attacks       []HoldBack

	Tail       float64 // chance of a packet with a much longer delay
	TailFactor float64 // how many times Jitter that is on average

	Loss      float64 // chance that a packet vanishes, each way
	Duplicate float64 // chance that a packet arrives twice, each way
	Replay    float64 // chance that the reply before is delivered once more
}

// Direction is the delay of a packet: Min and an exponential of mean Jitter.
type Direction struct {
	Min, Jitter time.Duration
}

// Route replaces both directions from a moment on.
type Route struct {
	At            time.Duration
	Forward, Back Direction
}

// HoldBack is an attacker on the path who delays authentic packets.
type HoldBack struct {
	From, To      time.Duration
	Forward, Back time.Duration
}

// draw returns the delay of one packet. It draws the same numbers whatever the
// delays are, so that two worlds of one seed differ by what was changed alone.
func (d Direction) draw(random *rand.Rand, tail, factor float64) time.Duration {
	usual, rare, chance := random.ExpFloat64(), random.ExpFloat64(), random.Float64()
	delay := float64(d.Min) + usual*float64(d.Jitter)
	if chance < tail {
		delay += rare * factor * float64(d.Jitter)
	}
	return time.Duration(delay)
}

// at returns the two directions in force at a moment, and how many route
// changes came before.
func (p *Path) at(t time.Duration) (forward, back Direction, changes int) {
	forward, back = p.Forward, p.Back
	for _, r := range p.Routes {
		if r.At <= t {
			forward, back = r.Forward, r.Back
			changes++
		}
	}
	return forward, back, changes
}

// held is what attackers add at a moment.
func (p *Path) held(t time.Duration) (forward, back time.Duration) {
	for _, a := range p.Attacks {
		if a.From <= t && t < a.To {
			forward, back = forward+a.Forward, back+a.Back
		}
	}
	return forward, back
}

// least is the shortest that the two directions ever get.
func (p *Path) least() (forward, back time.Duration) {
	forward, back = p.Forward.Min, p.Back.Min
	for _, r := range p.Routes {
		forward, back = min(forward, r.Forward.Min), min(back, r.Back.Min)
	}
	return forward, back
}
