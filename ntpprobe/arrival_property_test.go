package ntpprobe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// wallWorld knows all clocks of one machine during one exchange. Its time is
// that of the local clock; the monotonic one is slewed in pieces, and the wall clock
// is stepped on top of that.
type wallWorld struct {
	random *rand.Rand
	pieces []piece
	steps  []step
	zero   [3]int64 // local, monotonic, wall at 0
}

// piece is a stretch of the monotonic clock that begins at a moment.
type piece struct{ at, mono, rate float64 }

type step struct{ at, by float64 }

// kernelRate is the fastest, and as far below 1 the slowest, that adjtimex can
// make the clocks run.
const kernelRate = 0.226

func newWallWorld(seed uint64, length float64) *wallWorld {
	w := &wallWorld{random: rand.New(rand.NewPCG(seed, 11))}
	w.zero = [3]int64{w.random.Int64N(1e18) - 5e17, w.random.Int64N(1e15), worldStart}
	w.pieces = []piece{{0, 0, w.rate()}}
	for range w.random.IntN(4) {
		last := w.pieces[len(w.pieces)-1]
		at := last.at + w.random.Float64()*length/2
		w.pieces = append(w.pieces, piece{at, last.mono + (at-last.at)*last.rate, w.rate()})
	}
	// Any number of steps, all forward or all back: what undoes itself is not seen.
	sign := float64(1 - 2*w.random.IntN(2))
	for range max(0, w.random.IntN(5)-2) {
		by := math.Floor(math.Exp(w.random.Float64() * math.Log(1e13)))
		w.steps = append(w.steps, step{w.random.Float64() * length, sign * by})
	}
	return w
}

// rate is often calm, and often as hard as it gets.
func (w *wallWorld) rate() float64 {
	switch w.random.IntN(4) {
	case 0:
		return 1 + kernelRate
	case 1:
		return 1 - kernelRate
	case 2:
		return 1
	}
	return 1 + kernelRate*(2*w.random.Float64()-1)
}

func (w *wallWorld) monoAt(t float64) float64 {
	p := w.pieces[0]
	for _, next := range w.pieces {
		if next.at <= t {
			p = next
		}
	}
	return p.mono + (t-p.at)*p.rate
}

func (w *wallWorld) wallAt(t float64) float64 {
	wall := w.monoAt(t) + 0.7 // the fractions need not agree
	for _, s := range w.steps {
		if s.at <= t {
			wall += s.by
		}
	}
	return wall
}

// moments returns rising moments: each gap is drawn up to its limit, most of
// them much shorter.
func (w *wallWorld) moments(gaps ...float64) []float64 {
	list := make([]float64, len(gaps))
	now := 0.0
	for i, g := range gaps {
		now += g * math.Pow(w.random.Float64(), 4)
		list[i] = now
	}
	return list
}

// exchange lets the program and the kernel read the clocks and returns the true
// local moment of the stamp beside what was read.
func (w *wallWorld) exchange(t []float64) (s stamped, arrived float64) {
	local := func(t float64) truetime.Reading {
		return truetime.Reading{Nanos: w.zero[0] + int64(math.Floor(t)), Epoch: 3}
	}
	mono := func(t float64) int64 { return w.zero[1] + int64(math.Floor(w.monoAt(t))) }
	wall := func(t float64) int64 { return w.zero[2] + int64(math.Floor(w.wallAt(t))) }
	return stamped{
		sent: wallLook{mono(t[0]), wall(t[1]), mono(t[2])}, t1: local(t[3]), stamp: wall(t[4]),
		received: wallLook{mono(t[5]), wall(t[6]), mono(t[7])}, t4: local(t[8]),
	}, t[4]
}

// TestArrival_NeverEarly_WhateverTheWallClockDoes: slewed as hard as the kernel
// can, in pieces that may cancel, stepped by 1 ns to hours, read with preemption
// between any two looks. A T4 before the arrival would make an interval wrong.
func TestArrival_NeverEarly_WhateverTheWallClockDoes(t *testing.T) {
	believed, gains := 0, 0.0
	for seed := range uint64(300_000) {
		random := rand.New(rand.NewPCG(seed, 12))
		scale := math.Pow(10, 2+4*random.Float64()) // 100 ns to 1 ms
		w := newWallWorld(seed, 6*scale)
		look := []float64{1, 100, 10_000}[random.IntN(3)]
		s, arrived := w.exchange(w.moments(look, look, look, look, scale, 4*scale, look, look, look))
		got, ok := s.arrival()
		if !ok {
			continue
		}
		early := arrived - float64(got.Nanos-w.zero[0])
		require.LessOrEqual(t, early, 0.0, "seed %d: T4 is %g ns before the arrival: %+v in %+v", seed, early, s, w)
		require.Greater(t, got.Nanos, s.t1.Nanos)
		require.Less(t, got.Nanos, s.t4.Nanos)
		believed++
		gains += float64(s.t4.Nanos-got.Nanos) / (float64(s.t4.Nanos-w.zero[0]) - arrived)
	}
	require.Greater(t, believed, 50_000, "the property is not empty")
	require.Greater(t, gains/float64(believed), 0.4, "and stamps are of use: the mean part of the wait that is won back")
	t.Logf("%d of 300000 stamps believed, on the mean %.0f %% of the wait won back", believed, 100*gains/float64(believed))
}

// TestArrival_StepsThatUndoEachOther documents the limit: two opposite steps around the
// arrival, equal to the nanosecond, within one exchange, leave no trace in any clock.
func TestArrival_StepsThatUndoEachOther(t *testing.T) {
	s := calm()
	s.stamp -= 90 * µs // stepped back before the stamp, and forward by as much after it
	got, ok := s.arrival()
	require.True(t, ok)
	require.Less(t, got.Nanos, s.t1.Nanos+100*µs, "early")
}

// TestArrival_ASlewThatCancels is why wall − local at both ends proves nothing: 10 % fast
// after the stamp, as much slow before it. The plain translation is early.
func TestArrival_ASlewThatCancels(t *testing.T) {
	w := &wallWorld{zero: [3]int64{0, 0, worldStart}, pieces: []piece{{0, 0, 1}, {1000, 1000, 0.9}, {101_000, 91_000, 1.1}, {201_000, 201_000, 1}}}
	s, arrived := w.exchange([]float64{0, 10, 20, 30, 101_000, 202_000, 202_010, 202_020, 202_030})
	apart := (s.received.wall - s.t4.Nanos) - (s.sent.wall - s.t1.Nanos)
	require.LessOrEqual(t, time.Duration(apart).Abs(), time.Duration(1), "nothing to be seen at the ends")
	plain := s.t4.Nanos - (s.received.wall - s.stamp)
	require.Less(t, float64(plain), arrived-9_000, "taken at its word, the stamp is 10 µs early")
	got, ok := s.arrival()
	require.True(t, ok)
	require.GreaterOrEqual(t, float64(got.Nanos), arrived, fmt.Sprint(got))
}
