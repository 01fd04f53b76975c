package sim

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

var figureSeeds = flag.Int("sim.figures", 1, "over how many seeds TestFigures goes; 24 for the published ones")

// figure is a row of the table: a reference world, and the median of its half
// width against the floor that must not be exceeded (0: not asked).
type figure struct {
	name     string
	world    func(seed uint64) Config
	plan     Plan
	faulty   int
	wander   int64
	ratio    float64       // asserted from 24 seeds on
	oracle   time.Duration // between two looks at the exact optimum; 0: none
	sparsest int           // only every so many seeds, where it is slow
}

func four(of func(uint64, int) Config) func(uint64) Config {
	return func(seed uint64) Config { return of(seed, 4) }
}

// overlapped has one overlap liar among the four.
func overlapped(seed uint64) Config {
	c := WAN(seed, 4)
	c.Corrupt(rand.New(rand.NewPCG(seed, 1)), "overlap", int(seed%4))
	return c
}

var figures = []figure{
	{name: "WAN 64 s", world: four(WAN), plan: Plan{Poll: 64 * time.Second}, faulty: 1, ratio: 1.40, oracle: 64 * time.Second},
	{name: "WAN 64 s, V = 3 ppm", world: four(WAN), plan: Plan{Poll: 64 * time.Second}, faulty: 1, wander: 3_000, oracle: 64 * time.Second},
	{name: "WAN 64 s, drift only", world: four(WAN), plan: Plan{Poll: 64 * time.Second}, faulty: 1, wander: DrawnDriftPPB},
	{name: "WAN 16 s", world: four(WAN), plan: Plan{Poll: 16 * time.Second}, faulty: 1, oracle: 16 * time.Minute},
	{name: "WAN 256 s", world: four(WAN), plan: Plan{Poll: 256 * time.Second}, faulty: 1, oracle: 64 * time.Second},
	{name: "WAN 64 s, overlap liar", world: overlapped, plan: Plan{Poll: 64 * time.Second}, faulty: 1},
	{name: "WAN 64 s, f = 0", world: four(WAN), plan: Plan{Poll: 64 * time.Second}, faulty: 0, oracle: 64 * time.Second},
	{name: "WAN 64 s, n = 7, f = 2", world: func(seed uint64) Config { return WAN(seed, 7) }, plan: Plan{Poll: 64 * time.Second}, faulty: 2},
	{name: "WAN 64 s, n = 1", world: func(seed uint64) Config { return WAN(seed, 1) }, plan: Plan{Poll: 64 * time.Second}, faulty: 0},
	{name: "LAN 16 s", world: four(LAN), plan: Plan{Poll: 16 * time.Second}, faulty: 1, ratio: 3.2, oracle: 16 * time.Minute},
	{name: "LAN 16 s, V = 3 ppm", world: four(LAN), plan: Plan{Poll: 16 * time.Second}, faulty: 1, wander: 3_000},
	{name: "LAN 16 s, drift only", world: four(LAN), plan: Plan{Poll: 16 * time.Second}, faulty: 1, wander: DrawnDriftPPB},
	{name: "LAN 1 s, window 15 min", world: four(LAN), plan: Plan{Poll: time.Second, Assumptions: ntpprobe.Assumptions{Window: 15 * time.Minute}}, faulty: 1, ratio: 1.5, sparsest: 8},
}

// median of some numbers.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// TestFigures prints the table of the reference figures, each row for every seed
// and then its medians, and holds the window estimator to them. Half widths are in ms.
//
//	go test ./internal/sim -run Figures -sim.figures=24 -v
func TestFigures(t *testing.T) {
	alone(t)
	for _, f := range figures {
		t.Run(f.name, func(t *testing.T) {
			if *figureSeeds < 24 && f.sparsest > 1 {
				t.Skip("slow; -sim.figures=24 runs it")
			}
			var floors, optima []float64
			for seed := 1; seed <= *figureSeeds; seed += max(1, f.sparsest) {
				r, optimum := f.run(t, uint64(seed))
				holds(t, r)
				floors, optima = append(floors, r.Ratio()), append(optima, optimum)
			}
			t.Logf("%-24s p50 against the floor: median %.3f (%.3f … %.3f)", f.name, median(floors), floors[0], floors[len(floors)-1])
			if f.ratio > 0 && *figureSeeds >= 24 {
				require.LessOrEqual(t, floors[len(floors)/2], f.ratio)
			}
			if f.oracle > 0 {
				t.Logf("%-24s p50 against the exact optimum: median %.3f (%.3f … %.3f)", f.name, median(optima), optima[0], optima[len(optima)-1])
				require.LessOrEqual(t, optima[len(optima)/2], 1.02)
			}
		})
	}
}

// run makes one row. The second result is the ratio of our median half width to
// the optimum's, both where the oracle looked.
func (f figure) run(t *testing.T, seed uint64) (Report, float64) {
	w := New(f.world(seed))
	l := newLedger(w)
	p := f.plan
	window := p.Assumptions.Window
	p.Assumptions = assume(f.faulty)
	p.Assumptions.Window, p.Assumptions.MaxSamples = window, 1<<14
	if f.wander > 0 {
		p.Assumptions.WanderPPB = f.wander
	}
	var ours, optimum []time.Duration
	p.OnSample = l.take
	p.OnRead = func(read Read) {
		if f.oracle == 0 || (read.At-p.From)%f.oracle != 0 || read.Err != nil {
			return
		}
		ours = append(ours, read.Interval.Uncertainty())
		optimum = append(optimum, l.optimum(read.Reading, f.faulty, time.Hour, p.Assumptions.DriftPPB, p.Assumptions.WanderPPB))
	}
	r := drive(t, w, p)
	t.Log(r)
	if f.oracle == 0 {
		return r, 1
	}
	mine, _, _ := Quantiles(ours)
	best, _, _ := Quantiles(optimum)
	return r, float64(mine) / float64(best)
}
