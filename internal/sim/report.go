package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// Report is the outcome of a run.
type Report struct {
	Name            string
	Seed            uint64
	Domains, Faulty int

	Reads      int
	Violations int         // intervals without true time in them
	WentBack   int         // reads whose earliest is before that of the read before, in one generation
	First      []Violation // the first few of them

	NoQuorum  int // reads without an interval: no bound yet, or a stale one
	Disrupted int // reads without an interval after a disproof

	Samples, Rejected int
	Disruptions       int // disproofs that the estimator reported
	Refused           int // bounds that the clock refused

	P50, P99, Max time.Duration // half width
	Floor         time.Duration // half width that no sound method can go below, see Floor
	Fired         map[string]int

	widths []time.Duration
}

// Violation is a wrong interval, in full.
type Violation struct {
	Seed             uint64
	At               time.Duration
	Truth            int64
	Earliest, Latest int64
}

func (v Violation) String() string {
	return fmt.Sprintf("seed %d at %v: true time %d is outside [%d, %d] (early by %v, late by %v)",
		v.Seed, v.At, v.Truth, v.Earliest, v.Latest, time.Duration(v.Truth-v.Latest), time.Duration(v.Earliest-v.Truth))
}

const firstViolations = 5

func (w *World) newReport(faulty, reads int) Report {
	return Report{
		Name: w.config.Name, Seed: w.config.Seed, Domains: len(w.nodes), Faulty: faulty,
		Floor: w.Floor(faulty), widths: make([]time.Duration, 0, max(reads, 0)),
	}
}

// add takes one read into account.
func (r *Report) add(read Read) {
	r.Reads++
	if read.Err != nil {
		if errors.As(read.Err, new(*truetime.DisruptedError)) {
			r.Disrupted++
		} else {
			r.NoQuorum++
		}
		return
	}
	r.widths = append(r.widths, read.Interval.Uncertainty())
	if !read.Wrong() {
		return
	}
	r.Violations++
	if len(r.First) < firstViolations {
		r.First = append(r.First, Violation{r.Seed, read.At, read.Truth, read.Interval.EarliestUnixNano(), read.Interval.LatestUnixNano()})
	}
}

func (r *Report) finish(fired map[string]int) {
	r.Fired = fired
	r.P50, r.P99, r.Max = Quantiles(r.widths)
	r.widths = nil
}

// Quantiles sorts the values and returns their median, p99 and maximum; 0 if
// there are none.
func Quantiles(values []time.Duration) (p50, p99, most time.Duration) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	slices.Sort(values)
	n := len(values)
	return values[n/2], values[n*99/100], values[n-1]
}

// String is one line of a table, widths in milliseconds.
func (r Report) String() string {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	return fmt.Sprintf("%-14s seed %-4d n=%d f=%d  floor %8.3f  p50 %8.3f  p99 %8.3f  max %8.3f  p50/floor %5.2f  reads %d  wrong %d  no quorum %d  disrupted %d (%d times)",
		r.Name, r.Seed, r.Domains, r.Faulty, ms(r.Floor), ms(r.P50), ms(r.P99), ms(r.Max), r.Ratio(), r.Reads, r.Violations, r.NoQuorum, r.Disrupted, r.Disruptions)
}

// Ratio is the median half width against the floor.
func (r Report) Ratio() float64 { return float64(r.P50) / float64(cmp.Or(r.Floor, 1)) }

// Floor is the half width that a perfect local clock and endless patience would
// reach: each server contributes its claim around its error, and its shortest
// packet each way. No sound method with the same f can be narrower, if all servers are honest.
func (w *World) Floor(faulty int) time.Duration {
	var intervals []truetime.Interval
	for _, n := range w.nodes {
		forward, back := n.Path.least()
		e, off := n.clientClaim(0), n.off(0)
		iv, err := truetime.NewInterval(int64(off-back+n.MinOneWay-e), int64(off+forward-n.MinOneWay+e))
		if err == nil {
			intervals = append(intervals, iv)
		}
	}
	agreement, err := truetime.Agree(intervals, faulty)
	if err != nil {
		return 0
	}
	return agreement.Interval.Uncertainty()
}
