package main

import (
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// clocksJSON is the object of clocks; with ndjson it is the first line, without what comes later.
type clocksJSON struct {
	Schema      string                `json:"schema"`
	Type        string                `json:"type,omitempty"` // ndjson only
	ReadAt      *string               `json:"read_at"`
	Width       *int64                `json:"width_ns"`
	Window      *int64                `json:"window_ns"`
	Clocks      []clockReadingJSON    `json:"clocks"`
	Differences []clockDifferenceJSON `json:"differences"`
	Rates       []clockRateJSON       `json:"rates"`
	Missing     []string              `json:"missing"`
	ClockSource *string               `json:"clock_source"`
	Kernel      *kernelStateJSON      `json:"kernel"`
	Events      *[]clockEventJSON     `json:"events,omitempty"` // not of ndjson, where they are lines
	Watched     *int64                `json:"watched_ns,omitempty"`
	Slewing     *clockEventJSON       `json:"slewing"` // a slew that is still on
	Error       *errorJSON            `json:"error,omitempty"`
}

// clockReadingJSON has the reading of a clock that counts from 1970 as a time, of others in ns.
type clockReadingJSON struct {
	Clock     string  `json:"clock"`
	ReadingAt *string `json:"reading_at"`
	Reading   *int64  `json:"reading_ns"`
}

// clockDifferenceJSON is clock − against, known to ± the error.
type clockDifferenceJSON struct {
	Clock      string `json:"clock"`
	Against    string `json:"against"`
	Difference int64  `json:"difference_ns"`
	Error      int64  `json:"error_ns"`
}

// clockRateJSON has a positive rate if the clock ran faster; null if one of the two was disturbed.
type clockRateJSON struct {
	Clock   string   `json:"clock"`
	Against string   `json:"against"`
	Rate    *float64 `json:"rate_ratio"`
	Error   *float64 `json:"error_ratio"`
}

type clockEventJSON struct {
	Schema    string   `json:"schema,omitempty"` // ndjson only
	Type      string   `json:"type,omitempty"`   // ndjson only
	Event     string   `json:"event"`            // step, suspend, slew, slew_end, tai
	At        string   `json:"at"`               // the wall clock when it was noticed
	Within    int64    `json:"within_ns"`        // it began no longer than that before
	Size      *int64   `json:"size_ns"`          // positive: forward; null: of a slew that has begun
	Error     *int64   `json:"error_ns"`
	Rate      *float64 `json:"rate_ratio"` // of MONOTONIC against RAW, of a slew
	RateError *float64 `json:"rate_error_ratio"`
	For       *int64   `json:"for_ns"` // how long a slew lasted
}

// clocksResultJSON ends ndjson.
type clocksResultJSON struct {
	Schema  string          `json:"schema"`
	Type    string          `json:"type"`
	Watched int64           `json:"watched_ns"`
	Events  int             `json:"events"`
	Slewing *clockEventJSON `json:"slewing"`
	Error   *errorJSON      `json:"error,omitempty"`
}

func (v *clockSurvey) json(kind string) clocksJSON {
	o := clocksJSON{
		Schema: schema, Type: kind, ReadAt: ptr(jsonTime(time.Unix(0, v.last.Reading(clocks.Realtime)))), Width: ns(v.last.Width()), Window: ns(v.last.Since(v.first)),
		Clocks: []clockReadingJSON{}, Differences: []clockDifferenceJSON{}, Rates: []clockRateJSON{}, Missing: []string{}, Kernel: v.kernel.json(),
	}
	if v.kernel.source != "" {
		o.ClockSource = &v.kernel.source
	}
	for _, c := range clocks.Missing() {
		o.Missing = append(o.Missing, c.String())
	}
	for i, c := range v.clocks() {
		reading := clockReadingJSON{Clock: c.String()}
		switch at := v.last.Reading(c); c {
		case clocks.Realtime:
			reading.ReadingAt = ptr(jsonTime(time.Unix(0, at)))
		case clocks.TAI: // no Z: it is not UTC
			reading.ReadingAt = ptr(time.Unix(0, at).UTC().Format("2006-01-02T15:04:05.000000000"))
		default:
			reading.Reading = &at
		}
		o.Clocks = append(o.Clocks, reading)
		for _, d := range v.clocks()[i+1:] {
			rate := clockRateJSON{Clock: c.String(), Against: d.String()}
			if r, ok := v.rate(c, d); ok {
				rate.Rate, rate.Error = &r.Ratio, &r.Error
			}
			o.Rates = append(o.Rates, rate)
		}
	}
	for _, pair := range pairs {
		if d := v.last.Difference(pair.clock, pair.against); !v.last.Alone {
			o.Differences = append(o.Differences, clockDifferenceJSON{pair.clock.String(), pair.against.String(), int64(d.Middle()), int64(d.Error())})
		}
	}
	return o
}

// slewing is the slew that is still on, or nil.
func (v *clockSurvey) slewing() *clockEventJSON {
	e, ok := v.known.Slewing()
	if !ok {
		return nil
	}
	return ptr(newClockEventJSON(e, false))
}

func newClockEventJSON(e clocks.Event, line bool) clockEventJSON {
	o := clockEventJSON{Event: string(e.Kind), At: jsonTime(time.Unix(0, e.Wall)), Within: int64(e.Within)}
	if line {
		o.Schema, o.Type = schema, "event"
	}
	if e.Kind != clocks.Slew || e.For > 0 {
		o.Size, o.Error = ns(e.Size), ns(e.Error)
	}
	if e.Kind == clocks.Slew || e.Kind == clocks.SlewEnd {
		o.Rate, o.RateError = &e.Rate.Ratio, &e.Rate.Error
	}
	if e.For > 0 {
		o.For = ns(e.For)
	}
	return o
}

// clocksFailure is the object of a run that failed, or nil.
func clocksFailure(output string, err error) any {
	if err == nil || output != "json" && output != "ndjson" {
		return nil
	}
	if output == "ndjson" {
		return clocksResultJSON{Schema: schema, Type: "result", Error: failure(err)}
	}
	return clocksJSON{Schema: schema, Clocks: []clockReadingJSON{}, Differences: []clockDifferenceJSON{}, Rates: []clockRateJSON{}, Missing: []string{}, Error: failure(err)}
}
