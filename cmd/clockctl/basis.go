package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// basisJSON says what the interval rests on. Ratios are rates of true time against
// the local clock, minus 1: positive means that the local clock is slow.
type basisJSON struct {
	Domains   int     `json:"domains"`
	RateLeast float64 `json:"rate_least_ratio"`
	RateMost  float64 `json:"rate_most_ratio"`
	Wander    float64 `json:"wander_ratio"`
	Earliest  endJSON `json:"earliest"`
	Latest    endJSON `json:"latest"`
}

// endJSON adds up to half the width of the bound, a little less than
// uncertainty_ns, which also covers the time that reading the clocks took.
type endJSON struct {
	Source         string `json:"source"`
	Delay          int64  `json:"delay_ns"`
	RootDelay      int64  `json:"root_delay_ns"`
	RootDispersion int64  `json:"root_dispersion_ns"`
	Precision      int64  `json:"precision_ns"`
	Rounding       int64  `json:"rounding_ns"`
	Margin         int64  `json:"margin_ns"`
	Ageing         int64  `json:"ageing_ns"`
	Disagreement   int64  `json:"disagreement_ns"`
}

func newBasisJSON(b truetime.Bound) *basisJSON {
	return &basisJSON{
		Domains:   b.Basis.Domains,
		RateLeast: float64(b.Earliest.SlopePPB) / 1e9,
		RateMost:  float64(b.Latest.SlopePPB) / 1e9,
		Wander:    float64(b.Basis.WanderPPB) / 1e9,
		Earliest:  newEndJSON(b.Basis.Earliest),
		Latest:    newEndJSON(b.Basis.Latest),
	}
}

func newEndJSON(e truetime.End) endJSON {
	return endJSON{
		Source: e.Source, Delay: int64(e.Delay), RootDelay: int64(e.RootDelay), RootDispersion: int64(e.RootDispersion), Precision: int64(e.Precision),
		Rounding: int64(e.Rounding), Margin: int64(e.Margin), Ageing: int64(e.Ageing), Disagreement: int64(e.Disagreement),
	}
}

// writeBasis prints which server binds each end and why it is not nearer.
func writeBasis(w io.Writer, r ntpprobe.Report) {
	b := r.Bound
	fmt.Fprintf(w, "earliest     %s\n", humanEnd(b.Basis.Earliest))
	fmt.Fprintf(w, "latest       %s\n", humanEnd(b.Basis.Latest))
	fmt.Fprintf(w, "local rate   %s to %s, if it wanders by %s at most\n", humanRate(b.Earliest.SlopePPB), humanRate(b.Latest.SlopePPB), ppb(b.Basis.WanderPPB))
}

// humanEnd names the terms that matter, and always the rest.
func humanEnd(e truetime.End) string {
	var terms []string
	for _, t := range []struct {
		name  string
		value time.Duration
	}{
		{"half the round trip", e.Delay}, {"root delay", e.RootDelay}, {"root dispersion", e.RootDispersion}, {"precision", e.Precision},
		{"rounding", e.Rounding}, {"margin", e.Margin}, {"ageing", e.Ageing},
	} {
		if t.value != 0 {
			terms = append(terms, humanDuration(t.value)+" "+t.name)
		}
	}
	others := "added"
	if e.Disagreement < 0 {
		others = "taken away"
	}
	return fmt.Sprintf("bound by %s: %s; %s %s by the other servers", e.Source, strings.Join(terms, ", "), humanDuration(e.Disagreement.Abs()), others)
}

// humanRate says a rate in words: positive means that the local clock is slow.
func humanRate(rate int64) string {
	switch {
	case rate > 0:
		return fmt.Sprintf("%.3f ppm slow", float64(rate)/1000)
	case rate < 0:
		return fmt.Sprintf("%.3f ppm fast", -float64(rate)/1000)
	}
	return "0 ppm"
}
