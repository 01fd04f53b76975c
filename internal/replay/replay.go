package replay

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/trueclock/trueclock/internal/record"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Look is what the clock said at one moment of a recording.
type Look struct {
	Wall     time.Time
	Run      int   // of one epoch of one session; readings of two runs are never compared
	Local    int64 // the reading, nanoseconds
	Known    bool
	Interval truetime.Interval // true time at Wall, if Known
}

// Offset is the middle of the interval less the wall clock: positive, that is slow.
func (l Look) Offset() time.Duration {
	return time.Duration(l.Interval.Midpoint() - l.Wall.UnixNano())
}

// LocalOffset is the middle of the interval less the reading of the local clock, whose
// zero means nothing: only differences within a run do.
func (l Look) LocalOffset() int64 { return l.Interval.Midpoint() - l.Local }

// Result is what a recording says under some assumptions.
type Result struct {
	Faulty    int
	Looks     []Look // in order; two for each exchange
	Accepted  int    // exchanges
	Refused   int    // exchanges that gave no sample when they were recorded, or give none now
	Refusals  int    // bounds that the clock did not take, because it had disproved them
	Disproofs ntpprobe.Disproofs
	Rate      *Rate          // of the last bound; nil if none is in force at the end
	Holdover  []Holdover     // from the last look on; empty likewise
	Last      truetime.Bound // the one in force at the end; zero if there is none
}

// Rate is the range in which the local clock's rate lies, in parts per billion of true time
// against the local clock: positive means that it is slow.
type Rate struct{ LeastPPB, MostPPB int64 }

// Holdover is the uncertainty some time after the last exchange if none followed. Beyond
// the age at which the bound expires it is arithmetic and not served: there the wander need
// not hold, so that each end moves by the whole drift.
type Holdover struct {
	After       time.Duration
	Uncertainty time.Duration
	Expired     bool // the bound has, by then
}

// forecasts are the times of the holdovers.
var forecasts = []time.Duration{time.Minute, time.Hour}

// tape is a local clock that shows what was recorded.
type tape struct{ now truetime.Reading }

func (t *tape) Read() (truetime.Reading, error) { return t.now, nil }

// Run replays one recording. first is the number of its first run. It returns a
// [*ntpprobe.ConfigError] or [*ntpprobe.AddressError] for assumptions or servers that cannot
// work.
func Run(r record.Recording, assume ntpprobe.Assumptions, first int) (Result, error) {
	estimator, err := ntpprobe.NewEstimator(r.Servers, assume)
	if err != nil {
		return Result{}, err
	}
	local := &tape{}
	clock := truetime.New(local, truetime.Options{})
	result := Result{Faulty: estimator.Faulty(), Looks: make([]Look, 0, 2*len(r.Exchanges))}
	epochs := numbering{first: first}
	for _, x := range r.Exchanges {
		at, sample := epochs.instant(x.At), x.Sample
		result.Looks = append(result.Looks, look(clock, local, at, epochs.run(x.At.Before.Epoch)))
		sample.T1.Epoch, sample.T4.Epoch = epochs.epoch(sample.T1.Epoch), epochs.epoch(sample.T4.Epoch)
		if x.Reason == "" && estimator.Add(sample) == nil {
			result.Accepted++
		} else {
			result.Refused++
		}
		bound, reason := estimator.Bound(at.Before)
		local.now = at.Before
		if clock.Update(bound, reason) != nil {
			result.Refusals++
		} else if reason == nil {
			result.Last = bound
		}
		if clock.Status().State == truetime.Disrupted {
			result.Last = truetime.Bound{} // it was disproved
		}
		result.Looks = append(result.Looks, look(clock, local, at, epochs.run(x.At.Before.Epoch)))
	}
	result.Disproofs = estimator.Disproofs()
	result.conclude(local.now, cmp.Or(assume.DriftPPB, truetime.DefaultDriftPPB))
	return result, nil
}

// look reads the clock at the two readings around the wall clock's.
func look(clock *truetime.Clock, local *tape, at ntpprobe.Instant, run int) Look {
	l := Look{Wall: at.Wall, Run: run, Local: at.Before.Nanos + (at.After.Nanos-at.Before.Nanos)/2}
	local.now = at.Before
	early, err1 := clock.Now()
	local.now = at.After
	late, err2 := clock.Now()
	interval, err3 := truetime.NewInterval(early.EarliestUnixNano(), late.LatestUnixNano())
	if errors.Join(err1, err2, err3) == nil {
		l.Known, l.Interval = true, interval
	}
	return l
}

// conclude says what the last bound leaves after the last reading.
func (r *Result) conclude(last truetime.Reading, driftPPB int64) {
	if r.Last.Validate() != nil {
		return
	}
	r.Rate = &Rate{LeastPPB: r.Last.Earliest.SlopePPB, MostPPB: r.Last.Latest.SlopePPB}
	for _, after := range forecasts {
		later := truetime.Reading{Nanos: last.Nanos + int64(after), Epoch: last.Epoch}
		if uncertainty, err := forecast(r.Last, later, driftPPB); err == nil {
			r.Holdover = append(r.Holdover, Holdover{After: after, Uncertainty: uncertainty, Expired: later.Nanos > r.Last.Expires})
		}
	}
}

// forecast is the half width at a reading, be it after the bound has expired.
func forecast(b truetime.Bound, at truetime.Reading, driftPPB int64) (time.Duration, error) {
	beyond := max(0, at.Nanos-b.Expires)
	at.Nanos -= beyond
	interval, err := b.Interval(at)
	grown := time.Duration(math.Ceil(float64(beyond) * float64(driftPPB) / 1e9))
	return interval.Uncertainty() + grown, err
}

// numbering gives the epochs of a recording numbers that no other has, since those of two
// processes mean nothing to each other.
type numbering struct {
	first int
	seen  []uint64 // as recorded, ascending
	ours  []uint64
}

// epoch returns our number of a recorded epoch. An epoch older than one that was seen, as
// only a file that somebody changed can have, becomes 0, which no clock is in.
func (n *numbering) epoch(recorded uint64) uint64 {
	if i, ok := slices.BinarySearch(n.seen, recorded); ok {
		return n.ours[i]
	} else if i < len(n.seen) {
		return 0
	}
	n.seen, n.ours = append(n.seen, recorded), append(n.ours, truetime.NewEpoch())
	return n.ours[len(n.ours)-1]
}

func (n *numbering) run(recorded uint64) int {
	i, _ := slices.BinarySearch(n.seen, recorded)
	return n.first + i
}

func (n *numbering) instant(at ntpprobe.Instant) ntpprobe.Instant {
	at.Before.Epoch = n.epoch(at.Before.Epoch)
	at.After.Epoch = at.Before.Epoch
	return at
}

// Runs is how many runs the looks have.
func (r Result) Runs() int {
	if len(r.Looks) == 0 {
		return 0
	}
	return r.Looks[len(r.Looks)-1].Run - r.Looks[0].Run + 1
}

// Missing counts the looks without an interval.
func (r Result) Missing() int {
	n := 0
	for _, l := range r.Looks {
		if !l.Known {
			n++
		}
	}
	return n
}
