package ntpprobe

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// world is a small universe that knows the true time: a local clock that drifts
// within ±D, honest servers that err within what they claim, paths that are as
// asymmetric as they like, and liars. Everything follows from the seed.
type world struct {
	random *rand.Rand
	now    int64 // true time, unix ns
	local  float64
	rate   float64 // of the local clock against true time, minus 1
	drift  int64   // D in ppb
	wander int64   // V in ppb: the rate strays that far from base; equal to drift, anything within it goes
	base   float64 // F, the rate of true time against the local clock, minus 1
	epoch  uint64

	servers []Server
	liars   map[int]liar
	shows   func(server int) int64 // what a server's clock shows but for its error; nil: the true time
}

// liar changes an honest sample of a server as it likes.
type liar func(w *world, s *Sample)

const worldStart = int64(1_790_000_000_000_000_000)

func newWorld(seed uint64, servers, liars int, driftPPB int64) *world {
	w := &world{
		random: rand.New(rand.NewPCG(seed, 7)), now: worldStart, local: 1e12,
		drift: driftPPB, wander: driftPPB, epoch: truetime.NewEpoch(), liars: map[int]liar{},
	}
	for i := range servers {
		w.servers = append(w.servers, Server{Address: fmt.Sprintf("192.0.2.%d:123", i+1)})
	}
	for _, i := range w.random.Perm(servers)[:liars] {
		w.liars[i] = strategies[w.random.IntN(len(strategies))]
	}
	w.newRate()
	return w
}

// steady makes the local clock keep to one rate, but for the wander.
func (w *world) steady(wanderPPB int64) {
	w.wander = wanderPPB
	w.base = float64(w.drift-wanderPPB) / 1e9 * (2*w.random.Float64() - 1)
	w.newRate()
}

// newRate picks a rate that keeps dθ/dL within F ± V and ±D, often an extreme one.
func (w *world) newRate() {
	low, high := w.base-float64(w.wander)/1e9, w.base+float64(w.wander)/1e9
	slope := low + (high-low)*w.random.Float64()
	switch w.random.IntN(4) {
	case 0:
		slope = high
	case 1:
		slope = low
	}
	w.rate = 1/(1+slope) - 1 // of the clock against true time
}

// pass lets true time go by.
func (w *world) pass(d time.Duration) {
	w.now += int64(d)
	w.local += float64(d) * (1 + w.rate)
}

func (w *world) reading() truetime.Reading {
	return truetime.Reading{Nanos: int64(w.local), Epoch: w.epoch}
}

// delay is a minimum and an exponential tail, sometimes a heavy one.
func (w *world) delay() time.Duration {
	d := 50*time.Microsecond + time.Duration(w.random.ExpFloat64()*float64(2*time.Millisecond))
	if w.random.IntN(20) == 0 {
		d *= 20
	}
	return d
}

// exchange lets server i answer; the clock moves on meanwhile.
func (w *world) exchange(i int) Sample {
	claim := time.Duration(w.random.IntN(2_000_000))
	server := w.servers[i]
	s := Sample{
		Server: server, Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 123),
		Header: Header{Version: 4, Stratum: 2, PrecisionExponent: -20, RootDelay: claim, RootDispersion: claim},
	}
	err := int64(float64(claim+claim/2) * (2*w.random.Float64() - 1))
	switch w.random.IntN(4) { // the edge of the claim is where mistakes show
	case 0:
		err = int64(claim + claim/2)
	case 1:
		err = -int64(claim + claim/2)
	}
	s.T1 = w.reading()
	w.pass(w.delay())
	s.T2 = w.shown(i) + err
	w.pass(time.Duration(w.random.IntN(100_000)))
	s.T3 = w.shown(i) + err
	w.pass(w.delay())
	s.T4 = w.reading()
	if lie, ok := w.liars[i]; ok {
		lie(w, &s)
	}
	return s
}

func (w *world) shown(server int) int64 {
	if w.shows == nil {
		return w.now
	}
	return w.shows(server)
}

// strategies are what liars do.
var strategies = []liar{
	func(_ *world, s *Sample) { s.T2 += 250e6; s.T3 += 250e6 },                                    // grossly wrong
	func(_ *world, s *Sample) { s.T2 -= 900e6; s.T3 -= 900e6 },                                    // grossly wrong the other way
	func(_ *world, s *Sample) { s.T2 += 2e6; s.T3 += 2e6; s.Header.RootDispersion /= 4 },          // overlaps the honest ones and pulls
	func(_ *world, s *Sample) { s.T2 -= 2e6; s.T3 -= 2e6; s.Header.RootDispersion = 0 },           // the same the other way
	func(w *world, s *Sample) { d := w.random.Int64N(40e6) - 20e6; s.T2 += d; s.T3 += d },         // jumps
	func(w *world, s *Sample) { d := (w.now - worldStart) / 1000; s.T2 += d; s.T3 += d },          // drags slowly, 1000 ppm
	func(_ *world, s *Sample) { s.Header.RootDelay, s.Header.RootDispersion = 0, 0; s.T3 = s.T2 }, // claims perfection
}
