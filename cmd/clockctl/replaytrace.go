package main

import (
	"time"

	"github.com/trueclock/trueclock/internal/allan"
	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/internal/replay"
	"github.com/trueclock/trueclock/ntpprobe"
)

// assumptions are those of the recording, but for what the flags say.
func (t *tracing) assumptions(r record.Recording) ntpprobe.Assumptions {
	a := r.Assumptions()
	if t.faultySet {
		if a.Faulty = t.maxFaulty; a.Faulty == 0 {
			a.Faulty = ntpprobe.FaultyNone
		}
	}
	if t.driftSet {
		a.DriftPPB = int64(t.maxDrift)
	}
	if t.wanderSet {
		a.WanderPPB = int64(t.wander)
	}
	if !t.wanderSet {
		a.WanderPPB = min(a.WanderPPB, a.DriftPPB)
	}
	return a
}

// Why a stretch begins.
const (
	beganEpoch = "a new epoch of the local clock"
	beganStep  = "the wall clock was set"
)

// replay makes a trace of a recording, of the wall clock or the local one.
func (t *tracing) replay(r record.Recording, run int) (trace, error) {
	assume := t.assumptions(r)
	result, err := replay.Run(r, assume, run)
	if err != nil {
		return trace{}, err
	}
	tr := trace{name: jsonTime(r.Start), kind: "replay", clock: t.clock, made: r.MadeBy, assume: &assume, replay: &result}
	local, longest := t.clock == "local", longestRun(result.Looks)
	var first, before replay.Look // of the run; the last one known
	gap := false
	for _, l := range result.Looks {
		if !l.Known || local && l.Run != longest {
			gap = true
			continue
		}
		var p tracePoint
		if n := len(tr.points); n > 0 {
			p = tracePoint{piece: tr.points[n-1].piece, stretch: tr.points[n-1].stretch}
			p.began = broke(before, l, local)
		}
		if !first.Known || l.Run != first.Run {
			first = l
		}
		if gap || p.began != "" {
			p.piece++
		}
		if p.began != "" {
			p.stretch++
		}
		if p.began == beganStep {
			tr.steps++
		}
		since := time.Duration(l.Local - first.Local) // the wall clock may be set
		p.at, p.offset, p.half = time.Unix(0, first.Interval.Midpoint()).UTC().Add(since), l.Offset(), l.Interval.Uncertainty()
		if local {
			p.offset = time.Duration(l.LocalOffset() - first.LocalOffset())
		}
		tr.points, before, gap = append(tr.points, p), l, false
	}
	tr.settle()
	return tr, nil
}

// broke says why the clock did not run on from one look to the next, "" if it may have. A
// clock that is slewed moves by a tenth at most (uncertainty.md §2), and a little more is allowed.
func broke(a, b replay.Look, local bool) string {
	switch moved := b.Offset() - a.Offset(); {
	case a.Run != b.Run:
		return beganEpoch
	case !local && moved.Abs() > a.Interval.Uncertainty()+b.Interval.Uncertainty()+time.Duration(b.Local-a.Local)/8:
		return beganStep
	}
	return ""
}

// settle finds the longest stretch.
func (tr *trace) settle() {
	counts, longest := map[int]int{}, 0
	for _, p := range tr.points {
		if counts[p.stretch]++; counts[p.stretch] > counts[longest] {
			longest = p.stretch
		}
	}
	for _, p := range tr.points {
		if p.stretch != longest {
			continue
		}
		if tr.steady == nil {
			tr.from = p.at
		}
		tr.steady = append(tr.steady, allan.Sample{At: p.at.Sub(tr.from), Offset: p.offset.Seconds()})
	}
}

// longestRun is the run with the most looks that know the time.
func longestRun(looks []replay.Look) int {
	counts := map[int]int{}
	longest := -1
	for _, l := range looks {
		if l.Known {
			counts[l.Run]++
			if longest < 0 || counts[l.Run] > counts[longest] {
				longest = l.Run
			}
		}
	}
	return longest
}
