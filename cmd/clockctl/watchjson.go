package main

import (
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// updateJSON is one line of watch: the object of probe at one moment, and what only who
// keeps asking knows.
type updateJSON struct {
	resultJSON
	Sources   []watchedSourceJSON `json:"sources"` // instead of those of probe
	Number    int                 `json:"number"`  // counts from 1
	Reason    *string             `json:"reason"`  // why the status is not synchronized
	ExpiresIn *int64              `json:"expires_in_ns"`
	Forecast  []holdoverJSON      `json:"forecast"`
}

// watchedSourceJSON is that of probe and the usable replies in its last exchanges.
type watchedSourceJSON struct {
	sourceJSON
	Reach reachJSON `json:"reach"`
}

type reachJSON struct {
	Usable    int `json:"usable"`
	Exchanges int `json:"exchanges"` // at most 8
}

func newUpdateJSON(w watched) updateJSON {
	o := updateJSON{resultJSON: reportJSON(w.report), Number: w.number}
	o.Type, o.Status = "update", w.state.String()
	if w.report.Instant == (ntpprobe.Instant{}) {
		o.ReadAt = nil
	}
	if w.state != truetime.Synchronized && w.reason != nil {
		o.Reason = ptr(firstLine(w.reason))
	}
	if r := w.report; r.Err == nil {
		o.ExpiresIn = ns(time.Duration(r.Bound.Expires - r.Instant.After.Nanos))
	}
	for i, source := range w.report.Sources {
		o.Sources = append(o.Sources, watchedSourceJSON{newSourceJSON(source), reachJSON{w.reach[i].usable(), w.reach[i].asked}})
	}
	for _, f := range w.forecast {
		line := holdoverJSON{After: int64(f.after)}
		if f.known {
			line.Uncertainty = ns(f.uncertainty)
		}
		o.Forecast = append(o.Forecast, line)
	}
	return o
}
