package main

import (
	"context"
	"time"

	"github.com/trueclock/trueclock/internal/serve"
	"github.com/trueclock/trueclock/truetime"
)

// lookPause is how often serve remembers what it knows.
const lookPause = time.Second

// historyJSON is the object of /api/v1/history: the looks of an hour, and the minutes of a day.
type historyJSON struct {
	Schema  string     `json:"schema"`
	Looks   []spanJSON `json:"looks"`
	Minutes []spanJSON `json:"minutes"`
}

// spanJSON is what was known over some time: its low and high hold the interval, against the operating system's clock, of
// every look in it. Both are null if there was none.
type spanJSON struct {
	Age     int64  `json:"age_ns"` // of the first look
	Span    int64  `json:"span_ns"`
	ReadAt  string `json:"read_at"`
	Status  string `json:"status"`
	Known   int    `json:"known"`
	Unknown int    `json:"unknown"`
	Low     *int64 `json:"low_ns"`
	High    *int64 `json:"high_ns"`
}

// remember looks once a second until ctx ends.
func (v *service) remember(ctx context.Context, began time.Time) {
	ticker := time.NewTicker(lookPause)
	defer ticker.Stop()
	for {
		v.past.Add(v.look(time.Since(began)))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look is what is known now.
func (v *service) look(at time.Duration) serve.Look {
	status := v.clock.Status()
	report, err := v.prober.Report(v.clock)
	l := serve.Look{At: at, Wall: report.Instant.Wall, State: status.State.String()}
	if err != nil { // the local clock cannot be read
		l.Wall, l.State = time.Now(), truetime.Disrupted.String()
		return l
	}
	if l.Known = report.Err == nil; l.Known {
		wall := report.Instant.Wall.UnixNano()
		l.Low, l.High = report.Interval.EarliestUnixNano()-wall, report.Interval.LatestUnixNano()-wall
	}
	return l
}

// history is the object; now is on the clock of the looks.
func (v *service) history(now time.Duration) historyJSON {
	looks, minutes := v.past.Spans()
	return historyJSON{Schema: schema, Looks: spansJSON(looks, now), Minutes: spansJSON(minutes, now)}
}

func spansJSON(spans []serve.Span, now time.Duration) []spanJSON {
	list := make([]spanJSON, len(spans))
	for i, s := range spans {
		list[i] = spanJSON{
			Age: max(0, int64(now-s.From)), Span: int64(s.To - s.From), ReadAt: jsonTime(s.Wall), Status: s.State, Known: s.Known, Unknown: s.Unknown,
		}
		if s.Known > 0 {
			list[i].Low, list[i].High = ptr(s.Low), ptr(s.High)
		}
	}
	return list
}
