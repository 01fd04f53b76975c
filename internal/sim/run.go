package sim

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Plan says how a run asks and reads. Zero fields mean the defaults.
type Plan struct {
	Assumptions ntpprobe.Assumptions
	Poll        time.Duration // pause between two requests to one server; default 64 s
	Jitter      float64       // of that pause; default 0.025
	Every       time.Duration // between two reads; default 1 s
	From        time.Duration // the first read, what is before it is warm-up; default 12 s
	Timeout     time.Duration // of an exchange; default 1 s

	// OnSample sees each exchange after it was given to the estimator, with the
	// reason if it gave no sample.
	OnSample func(server int, at time.Duration, s ntpprobe.Sample, rejected error)
	// OnRead sees each read.
	OnRead func(Read)
}

// Read is one look at the serving clock, and the truth.
type Read struct {
	At       time.Duration
	Reading  truetime.Reading
	Truth    int64 // unix nanoseconds
	Interval truetime.Interval
	Err      error // why there is no interval
}

// Wrong reports whether there is an interval without true time in it.
func (r Read) Wrong() bool {
	return r.Err == nil && (r.Truth < r.Interval.EarliestUnixNano() || r.Truth > r.Interval.LatestUnixNano())
}

func (p Plan) withDefaults() Plan {
	if p.Poll == 0 {
		p.Poll = 64 * time.Second
	}
	if p.Jitter == 0 {
		p.Jitter = 0.025
	}
	if p.Every == 0 {
		p.Every = time.Second
	}
	if p.From == 0 {
		p.From = 12 * time.Second
	}
	if p.Timeout == 0 {
		p.Timeout = ntpprobe.DefaultTimeout
	}
	return p
}

// run is a run under way.
type run struct {
	*World
	plan      Plan
	estimator *ntpprobe.Estimator
	now       *cursor // the serving clock's local clock
	clock     *truetime.Clock
	polls     []poll
	next      time.Duration // the next read
	newest    time.Duration // when the newest delivered request was sent
	report    Report

	generation uint64 // of the bound in force
	earliest   int64  // of the last read in this generation
}

// poll is what happens next with one server: a request leaves, or the outcome of
// the last one is there.
type poll struct {
	due     time.Duration
	random  *rand.Rand
	waiting bool
	sent    time.Duration
	sample  ntpprobe.Sample
	err     error
}

// Run polls all servers until the end of the world, gives what comes to an
// Estimator and a [truetime.Clock] as the Prober does, and compares every read with
// the truth. It returns an error for assumptions that cannot work.
//
// It asks at a fixed pace, also servers that ask not to be asked: etiquette is
// the Prober's.
func (w *World) Run(p Plan) (Report, error) {
	p = p.withDefaults()
	estimator, err := ntpprobe.NewEstimator(w.Servers(), p.Assumptions)
	if err != nil {
		return Report{}, err
	}
	r := &run{World: w, plan: p, estimator: estimator, now: &cursor{world: w}, next: p.From}
	r.clock = truetime.New(r.now, truetime.Options{})
	r.report = w.newReport(estimator.Faulty(), int((w.config.Length-p.From)/p.Every)+1)
	for i := range w.nodes {
		random := rand.New(rand.NewPCG(w.config.Seed, 1<<33+uint64(i)))
		first := time.Duration(random.Float64() * float64(min(p.Poll, 8*time.Second)))
		r.polls = append(r.polls, poll{due: first, random: random})
	}
	for {
		i := r.first()
		at := r.polls[i].due
		r.readUntil(min(at, w.config.Length))
		if at >= w.config.Length {
			break
		}
		if r.polls[i].waiting {
			r.deliver(i)
		} else {
			r.send(i)
		}
	}
	r.report.finish(w.Fired())
	return r.report, nil
}

// first is the server with which something happens next.
func (r *run) first() int {
	first := 0
	for i := range r.polls {
		if r.polls[i].due < r.polls[first].due {
			first = i
		}
	}
	return first
}

// send makes the whole exchange; its outcome is delivered when it is due. What
// falls in a pause of the machine waits for its end.
func (r *run) send(i int) {
	p := &r.polls[i]
	p.sent = r.counter.awake(p.due)
	var end time.Duration
	p.sample, end, p.err = r.Exchange(i, p.sent, r.plan.Timeout)
	p.due, p.waiting = r.counter.awake(end), true
}

// Exchange asks server i at a moment, with real packets, and returns what
// ntpprobe makes of the reply, and when.
func (w *World) Exchange(i int, at, timeout time.Duration) (ntpprobe.Sample, time.Duration, error) {
	c := &instantConn{cursor: &cursor{w, at}, server: i, deadline: w.counter.later(at, timeout)}
	sample, err := ntpprobe.QueryVia(context.Background(), c, w.nodes[i].probed(), c.cursor)
	return sample, c.at, err
}

// deliver gives an outcome to the estimator and its bound to the clock.
func (r *run) deliver(i int) {
	p := &r.polls[i]
	if p.sent < r.newest {
		r.nodes[i].traffic.reordered++
	}
	r.newest = max(r.newest, p.sent)
	r.now.at = p.due
	if p.err == nil {
		p.err = r.estimator.Add(p.sample)
	}
	if p.err != nil {
		r.report.Rejected++
		r.estimator.Reject(p.sample, p.err)
	} else {
		r.report.Samples++
	}
	if r.plan.OnSample != nil {
		r.plan.OnSample(i, p.due, p.sample, p.err)
	}
	bound, err := r.estimator.Bound(r.Reading(p.due))
	if errors.As(err, new(*truetime.DisruptedError)) {
		r.report.Disruptions++
	}
	if r.clock.Update(bound, err) != nil {
		r.report.Refused++
	} else if err == nil && bound.Generation != r.generation {
		r.generation, r.earliest = bound.Generation, math.MinInt64
	}
	pause := time.Duration(float64(r.plan.Poll) * (1 + r.plan.Jitter*(2*p.random.Float64()-1)))
	p.due, p.waiting = max(p.due, p.sent+pause), false
}

// readUntil reads the clock at every moment before an event.
func (r *run) readUntil(event time.Duration) {
	for ; r.next < event; r.next += r.plan.Every {
		if r.counter.awake(r.next) != r.next {
			continue // nobody is there to read
		}
		r.now.at = r.next
		read := Read{At: r.next, Truth: r.Truth(r.next)}
		read.Interval, read.Err = r.clock.Now()
		r.report.add(read)
		if read.Err == nil {
			if read.Interval.EarliestUnixNano() < r.earliest {
				r.report.WentBack++
			}
			r.earliest = read.Interval.EarliestUnixNano()
		}
		if r.plan.OnRead != nil {
			read.Reading = r.Reading(r.next)
			r.plan.OnRead(read)
		}
	}
}
