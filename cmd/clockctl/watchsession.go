package main

import (
	"math"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/internal/termplot"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// mostHistory bounds the memory of a watch that is never ended: a point a second for the two hours that are shown.
const mostHistory = 7200

// watchSession runs a prober and remembers what it says.
type watchSession struct {
	config ntpprobe.Config
	pause  time.Duration // between two updates
	prober *ntpprobe.Prober
	clock  *truetime.Clock
	faulty int
	asked  chan struct{} // closed when every server was asked once, and what follows is published

	mu      sync.Mutex     // never held while the prober is called
	ready   bool           // asked is closed
	bound   truetime.Bound // the last one that the clock took
	reach   map[string]*reach
	history []termplot.Point // At in seconds since began
	began   time.Time
	number  int
}

// reach counts the usable replies in the last eight exchanges.
type reach struct {
	bits  uint8 // the newest is the lowest
	asked int   // at most 8
}

func (r *reach) add(usable bool) {
	r.bits <<= 1
	if usable {
		r.bits |= 1
	}
	r.asked = min(r.asked+1, 8)
}

func newWatchSession(c ntpprobe.Config, pause time.Duration) (*watchSession, error) {
	w := &watchSession{pause: pause, clock: truetime.New(c.Local, truetime.Options{}), asked: make(chan struct{}), reach: map[string]*reach{}, began: time.Now()}
	estimator, err := ntpprobe.NewEstimator(c.Servers, c.Assumptions)
	if err != nil {
		return nil, err
	}
	w.faulty = estimator.Faulty()
	c.OnExchange = w.exchanged
	w.config = c
	w.prober, err = ntpprobe.New(c)
	return w, err
}

// exchanged is called by the prober.
func (w *watchSession) exchanged(x ntpprobe.Exchange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := canonical(x.Server)
	if w.reach[name] == nil {
		w.reach[name] = &reach{}
	}
	w.reach[name].add(x.Err == nil)
}

// publish is called by the prober.
func (w *watchSession) publish(b truetime.Bound, reason error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.clock.Update(b, reason)
	if err == nil && b != (truetime.Bound{}) {
		w.bound = b
	}
	if !w.ready && len(w.reach) == len(w.config.Servers) {
		w.ready = true
		close(w.asked)
	}
	return err
}

// update returns what is known now, and remembers it for the plot.
func (w *watchSession) update() watched {
	now := w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.number++
	point := termplot.Point{At: time.Since(w.began).Seconds(), Gap: true}
	if r := now.report; r.Err == nil {
		wall := r.Instant.Wall.UnixNano()
		point.Low, point.High = float64(r.Interval.EarliestUnixNano()-wall), float64(r.Interval.LatestUnixNano()-wall)
		point.Middle, point.Gap = float64(r.Interval.Midpoint()-wall), false
	}
	w.remember(point)
	now.number, now.history = w.number, w.history
	return now
}

// remember appends a point, and merges those of one second, which then hold all of it: otherwise the memory of
// quick updates would not last for what is shown.
func (w *watchSession) remember(p termplot.Point) {
	n := len(w.history)
	switch {
	case n > 0 && math.Floor(w.history[n-1].At) == math.Floor(p.At):
		q := w.history[n-1]
		p.Low, p.High, p.Gap = min(p.Low, q.Low), max(p.High, q.High), p.Gap || q.Gap
		w.history[n-1] = p
	case n == mostHistory:
		w.history = append(slices.Clone(w.history[mostHistory/10:]), p)
	default:
		w.history = append(w.history, p)
	}
}

// look returns what is known now.
func (w *watchSession) look() watched {
	sources, leap := w.prober.Sources(), w.prober.Leap()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := watched{
		report: ntpprobe.Report{Faulty: w.faulty, Leap: leap, Sources: sources},
		number: w.number, history: w.history, age: time.Since(w.began).Seconds(),
	}
	r := &now.report
	status := w.clock.Status()
	now.state, now.reason, r.Err = status.State, status.Reason, status.Err
	instant, err := ntpprobe.ReadInstant(w.config.Local)
	if err != nil {
		r.Err = &truetime.DisruptedError{Cause: "the local clock cannot be read", Err: err}
		return now
	}
	if r.Instant = instant; r.Err == nil {
		r.Bound = w.bound
		r.Interval, r.Err = instant.Interval(w.bound)
	}
	if r.Err != nil && now.reason == nil {
		now.reason = r.Err
	}
	for _, source := range sources {
		one := reach{}
		if known := w.reach[canonical(source.Server)]; known != nil {
			one = *known
		}
		now.reach = append(now.reach, one)
	}
	now.forecast = forecasts(now.report)
	return now
}

// forecast is how wide the interval will be after some time without an answer.
type forecast struct {
	after       time.Duration
	uncertainty time.Duration
	known       bool // false if the interval is not used for so long
}

// forecasts carry the bound on at its own slopes.
func forecasts(r ntpprobe.Report) []forecast {
	list := []forecast{{after: time.Minute}, {after: time.Hour}}
	for i := range list {
		if f := &list[i]; r.Err == nil {
			f.uncertainty, f.known = uncertaintyAfter(r.Bound, r.Instant.After, f.after)
		}
	}
	return list
}
