package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// reference is what the WAN and the LAN have in common: a counter within ±60 ppm
// with a swing of 2 ppm, servers that hold a packet for 20 µs, 2 % of exchanges lost.
func reference(name string, seed uint64, n int, server func(*rand.Rand) Server) Config {
	random := rand.New(rand.NewPCG(seed, 1<<34))
	c := Config{Name: name, Seed: seed, Length: 6 * time.Hour, Oscillator: Oscillator{
		RatePPM: 60 * (2*random.Float64() - 1),
		Sine:    Sine{PPM: 2, Period: 5400 * time.Second, Phase: 2 * math.Pi * random.Float64()},
	}}
	for range n {
		s := server(random)
		s.Hold = 20 * time.Microsecond
		s.Path.Tail, s.Path.TailFactor, s.Path.Loss = 0.02, 20, 0.01
		c.Servers = append(c.Servers, s)
	}
	return c
}

// WAN is the wide-area reference world: round trips of at least 4–20 ms of which
// 35–65 % are forward, jitter 0.5–1.5 ms, servers within 0.3–1.8 ms.
func WAN(seed uint64, n int) Config {
	return reference("WAN", seed, n, func(random *rand.Rand) Server {
		trip := uniform(random, 4*time.Millisecond, 20*time.Millisecond)
		forward := time.Duration(float64(trip) * (0.35 + 0.3*random.Float64()))
		s := Server{Path: Path{
			Forward: Direction{forward, uniform(random, 500*time.Microsecond, 1500*time.Microsecond)},
			Back:    Direction{trip - forward, uniform(random, 500*time.Microsecond, 1500*time.Microsecond)},
		}}
		s.within(random, uniform(random, 300*time.Microsecond, 1800*time.Microsecond))
		return s
	})
}

// LAN is the local reference world: 40–100 µs each way, jitter 30 µs, servers
// within 20–80 µs.
func LAN(seed uint64, n int) Config {
	return reference("LAN", seed, n, func(random *rand.Rand) Server {
		s := Server{Private: true, Path: Path{
			Forward: Direction{uniform(random, 40*time.Microsecond, 100*time.Microsecond), 30 * time.Microsecond},
			Back:    Direction{uniform(random, 40*time.Microsecond, 100*time.Microsecond), 30 * time.Microsecond},
		}}
		s.within(random, uniform(random, 20*time.Microsecond, 80*time.Microsecond))
		return s
	})
}

func uniform(random *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(random.Float64()*float64(high-low))
}

// within makes the server claim an error of about e, the nearest that a packet
// can say (steps of 15 µs from 24 µs on), and err anywhere within what a client reads there.
func (s *Server) within(random *rand.Rand, e time.Duration) {
	const step = time.Second / 65536
	s.Precision = -20
	if rest := e - s.clientClaim(0); rest > 0 {
		s.RootDispersion = (rest + step/2) / step * step
	}
	s.Offset = time.Duration((2*random.Float64() - 1) * float64(s.clientClaim(0)))
}

// Drawn is a world of any kind: one to nine servers, f up to (n − 1)/2 of them
// liars of the strategy (see [Config.Corrupt]), and every fault of paths and
// servers that an honest server may meet. It returns the world and its f. The
// counter keeps within DrawnDriftPPB and wanders by at most DrawnWanderPPB.
func Drawn(seed uint64, strategy string) (Config, int) {
	random := rand.New(rand.NewPCG(seed, 1<<35))
	n := 1 + random.IntN(9)
	c := WAN(random.Uint64(), n)
	if random.IntN(3) == 0 {
		c = LAN(random.Uint64(), n)
	}
	c.Name, c.Seed, c.Length = fmt.Sprintf("%s %s", c.Name, strategy), seed, 2*time.Hour
	c.Oscillator = drawnOscillator(random, c.Length)
	if random.IntN(4) == 0 {
		at := time.Duration(random.Int64N(int64(c.Length)))
		c.Oscillator.Pauses = []Pause{{At: at, For: uniform(random, time.Second, 20*time.Minute), Epoch: true}}
	}
	for i := range c.Servers {
		c.Servers[i].trouble(random, c.Length)
	}
	f := (n - 1) / 2
	if f > 0 && random.IntN(4) == 0 {
		f = 1 + random.IntN(f)
	}
	c.Corrupt(random, strategy, random.Perm(n)[:f]...)
	return c, f
}

// DrawnDriftPPB and DrawnWanderPPB are D and V for the counters of [Drawn].
const (
	DrawnDriftPPB  = 200_000
	DrawnWanderPPB = 15_000
)

// drawnOscillator uses all of ±199.5 ppm, often its edge, with a wander of up to
// ±14.5 ppm.
func drawnOscillator(random *rand.Rand, length time.Duration) Oscillator {
	var o Oscillator
	sometime := func() time.Duration { return time.Duration(random.Int64N(int64(length))) }
	var room float64
	for _, kind := range random.Perm(4)[:random.IntN(4)] {
		switch kind {
		case 0:
			o.Sine = Sine{PPM: 4 * random.Float64(), Period: 10*time.Minute + sometime(), Phase: 6 * random.Float64()}
			room += o.Sine.PPM
		case 1:
			o.Walk = Walk{StepPPM: 1, LimitPPM: 4, Every: time.Minute}
			room += o.Walk.LimitPPM
		case 2:
			from := sometime()
			o.Ramps = []Ramp{{From: from, To: from + time.Minute + sometime(), PPM: 6*random.Float64() - 3}}
			room += 3
		case 3:
			o.Steps = []RateStep{{At: sometime(), PPM: 6*random.Float64() - 3}}
			room += 3
		}
	}
	const edge = 199.5
	o.RatePPM = (edge - room) * (2*random.Float64() - 1)
	switch random.IntN(4) {
	case 0:
		o.RatePPM = edge - room
	case 1:
		o.RatePPM = room - edge
	}
	return o
}

// trouble gives an honest server some of everything.
func (s *Server) trouble(random *rand.Rand, length time.Duration) {
	sometime := func() time.Duration { return time.Duration(random.Int64N(int64(length))) }
	s.Path.Loss = 0.2 * random.Float64() * random.Float64()
	s.Path.Duplicate, s.Path.Replay = 0.1*random.Float64(), 0.1*random.Float64()
	if kind := random.IntN(3); kind < 2 { // at the edge of its claim, which is no multiple of what a field can say
		s.RootDelay = time.Duration(random.Int64N(int64(s.RootDispersion + time.Millisecond)))
		s.RootDispersion += time.Duration(random.IntN(100_000))
		s.Edge = 1 - 2*random.IntN(2)
		if kind == 0 { // chrony, whose claim grows until its own next update
			s.GrowthPPM, s.Update = 1+14*random.Float64(), 17*time.Minute
		} else { // ntpsec
			s.Rounding, s.Fuzz = Truncate, true
		}
	}
	if random.IntN(4) == 0 {
		times := 0.5 + 2*random.Float64()
		longer := func(d Direction) Direction { return Direction{time.Duration(times * float64(d.Min)), d.Jitter} }
		s.Path.Routes = []Route{{sometime(), longer(s.Path.Forward), s.Path.Back}, {sometime() + length/2, s.Path.Forward, longer(s.Path.Back)}}
	}
	if random.IntN(3) == 0 {
		forward, back := s.Path.least()
		s.MinOneWay = min(forward, back)
	}
	if random.IntN(4) == 0 {
		from := sometime()
		s.Path.Attacks = []HoldBack{{From: from, To: from + sometime(), Forward: uniform(random, 0, 80*time.Millisecond)}}
		if random.IntN(2) == 0 {
			s.Path.Attacks[0].Forward, s.Path.Attacks[0].Back = 0, s.Path.Attacks[0].Forward
		}
	}
	if random.IntN(8) == 0 {
		from := sometime()
		s.Restarts = []Span{{from, from + 10*time.Minute}}
		s.Kisses = []Kiss{{Span{from + 11*time.Minute, from + 15*time.Minute}, "RATE"}}
	}
}
