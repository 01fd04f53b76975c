package main

import (
	"github.com/trueclock/trueclock/internal/replay"
)

// analysisJSON is the object of analyze.
type analysisJSON struct {
	Schema string      `json:"schema"`
	Files  []string    `json:"files"`
	Clock  string      `json:"clock"` // whose offsets: wall, local
	Traces []traceJSON `json:"traces"`
	Error  *errorJSON  `json:"error,omitempty"`
}

// traceJSON always has all its keys; null is unknown. A rate is that of true time against
// the clock, minus 1: positive means that the clock loses time.
type traceJSON struct {
	Name        string           `json:"name"`
	Kind        string           `json:"kind"` // replay, measurements, statistics, tracking
	MadeBy      *string          `json:"made_by"`
	First       *string          `json:"first"`
	Last        *string          `json:"last"`
	Points      int              `json:"points"`
	Uncertainty *uncertaintyJSON `json:"uncertainty"`
	Rate        *float64         `json:"rate_ratio"`
	Allan       []allanJSON      `json:"allan"`
	Replay      *replayJSON      `json:"replay"`     // null for a log, which cannot be replayed
	Regression  *regressionJSON  `json:"regression"` // of a statistics log alone
}

// regressionJSON is what chronyd estimates; nothing of it is a bound.
type regressionJSON struct {
	Deviation int64   `json:"offset_deviation_p50_ns"`
	Rate      float64 `json:"rate_ratio"` // the last, with its estimated error
	Skew      float64 `json:"skew_ratio"`
}

type uncertaintyJSON struct {
	P50 int64 `json:"p50_ns"`
	P95 int64 `json:"p95_ns"`
	Max int64 `json:"max_ns"`
}

type allanJSON struct {
	Tau       int64   `json:"tau_ns"`
	Deviation float64 `json:"deviation_ratio"`
	Terms     int     `json:"terms"`
	Error     float64 `json:"relative_error_ratio"` // one standard deviation, about
}

type replayJSON struct {
	Faulty        int            `json:"faulty_tolerated"`
	Drift         float64        `json:"max_drift_ratio"`
	Wander        float64        `json:"wander_ratio"`
	Accepted      int            `json:"accepted"`
	Refused       int            `json:"refused"`
	Missing       int            `json:"without_interval"` // looks
	RefusedBounds int            `json:"refused_bounds"`
	RateLeast     *float64       `json:"rate_least_ratio"` // of the counter, from the last bound
	RateMost      *float64       `json:"rate_most_ratio"`
	Conflicts     conflictsJSON  `json:"conflicts"`
	Holdover      []forecastJSON `json:"holdover"`
	Steps         *int           `json:"wall_clock_steps"` // null of the local clock
}

// conflictsJSON counts how often an assumption was disproved.
type conflictsJSON struct {
	Epoch        int `json:"epoch"`
	Jump         int `json:"jump"`
	Wander       int `json:"wander"`
	Disagreement int `json:"disagreement"`
	Conflict     int `json:"conflict"`
}

type forecastJSON struct {
	After       int64 `json:"after_ns"`
	Uncertainty int64 `json:"uncertainty_ns"`
	Expired     bool  `json:"expired"` // there would be no interval any more: watch and serve say null
}

func newAnalysisJSON(files []string, clock string, traces []trace, err error) analysisJSON {
	o := analysisJSON{Schema: schema, Files: files, Clock: clock, Traces: []traceJSON{}, Error: failure(err)}
	if files == nil {
		o.Files = []string{}
	}
	for _, tr := range traces {
		o.Traces = append(o.Traces, newTraceJSON(tr))
	}
	return o
}

func newTraceJSON(tr trace) traceJSON {
	o := traceJSON{Name: tr.name, Kind: tr.kind, Points: len(tr.points), Allan: []allanJSON{}}
	if tr.made != "" {
		o.MadeBy = &tr.made
	}
	if n := len(tr.points); n > 0 {
		o.First, o.Last = ptr(jsonTime(tr.points[0].at)), ptr(jsonTime(tr.points[n-1].at))
	}
	if halves := tr.halves(); len(halves) > 0 {
		w := replay.QuantilesOf(halves)
		o.Uncertainty = &uncertaintyJSON{P50: int64(w.P50), P95: int64(w.P95), Max: int64(w.Max)}
	}
	if r := tr.regression; r != nil {
		o.Regression = &regressionJSON{Deviation: int64(r.deviation), Rate: r.rate, Skew: r.skew}
	}
	if fit, ok := replay.FitLine(tr.steady); ok {
		o.Rate = &fit.Rate
	}
	for _, p := range tr.allan() {
		o.Allan = append(o.Allan, allanJSON{Tau: int64(p.Tau), Deviation: p.Deviation, Terms: p.Terms, Error: p.Error})
	}
	if tr.replay != nil {
		o.Replay = newReplayJSON(tr)
	}
	return o
}

func newReplayJSON(tr trace) *replayJSON {
	r, d := tr.replay, tr.replay.Disproofs
	o := &replayJSON{
		Faulty: r.Faulty, Drift: float64(tr.assume.DriftPPB) / 1e9, Wander: float64(tr.assume.WanderPPB) / 1e9,
		Accepted: r.Accepted, Refused: r.Refused, RefusedBounds: r.Refusals, Missing: r.Missing(),
		Conflicts: conflictsJSON{Epoch: d.Epoch, Jump: d.Jump, Wander: d.Wander, Disagreement: d.Disagreement, Conflict: d.Conflict},
		Holdover:  []forecastJSON{},
	}
	if r.Rate != nil {
		o.RateLeast, o.RateMost = ptr(float64(r.Rate.LeastPPB)/1e9), ptr(float64(r.Rate.MostPPB)/1e9)
	}
	if tr.clock != "local" {
		o.Steps = &tr.steps
	}
	for _, h := range r.Holdover {
		o.Holdover = append(o.Holdover, forecastJSON{After: int64(h.After), Uncertainty: int64(h.Uncertainty), Expired: h.Expired})
	}
	return o
}
