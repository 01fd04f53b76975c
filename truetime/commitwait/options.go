package commitwait

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// Options configures a [Committer]. The zero value is ready to use.
type Options struct {
	// MaxUncertainty refuses commits while the clock's half width is larger,
	// since each would wait for twice as long. 0 means no limit.
	MaxUncertainty time.Duration
	// MaxWait refuses commits that would wait longer. 0 means no limit but the
	// context's deadline.
	MaxWait time.Duration
	// MaxFloorLead is how far above the latest possible true time a floor may
	// lie, and the HLC, a snapshot, and Floor. 0 means twice MaxUncertainty and a tick of the layout, or 1 s if that is not set either.
	MaxFloorLead time.Duration
	// Layout, if set, is what the store packs timestamps into: commits and snapshots are rounded
	// up to what packs without a loss, before they wait.
	Layout hlc.Layout
	// Floor is below every timestamp that is assigned. After a restart it must be at or above all that
	// was assigned and read before, such as hlc.Recovery.Bound.
	Floor hlc.Timestamp
	// Cover, if set, is called with every timestamp before anything depends on it, and
	// returns when it is below a bound that a restart will begin above: hlc.Durable.Cover.
	Cover func(ctx context.Context, ts hlc.Timestamp) error
	// OnCommit, if set, is told of every commit that has become visible: for metrics. It must
	// not block.
	OnCommit func(CommitStats)
	// OnWait, if set, is told of every commit wait that has ended, how long it took, and nil or why it ended before the
	// timestamp had passed: [ErrClosed], [*truetime.WaitError], [*truetime.WaitTooLongError]. It is for metrics, is called
	// concurrently, and must not block. A commit for which several wait, or one waits again, has several.
	OnWait func(waited time.Duration, err error)
}

// CommitStats is what a commit cost.
type CommitStats struct {
	TS          hlc.Timestamp
	Uncertainty time.Duration // half width of the interval at the assignment
	Lead        time.Duration // that a floor or the HLC took the timestamp above latest: each commit waits for it
	Predicted   time.Duration // wait that was expected then: the unavoidable one
	Waited      time.Duration // in commit wait, after the data was durable (order B) or before it was applied (order A)
	Took        time.Duration // from the assignment until it was visible
	Refused     error         // what the HLC said against a timestamp that has passed; its clock is then outside the interval, or jumped
}

// OverlapSaved is how much of the wait that was predicted passed while the store replicated.
func (s CommitStats) OverlapSaved() time.Duration { return max(0, s.Predicted-s.Waited) }

func (o Options) validate() (Options, error) {
	if o.MaxUncertainty < 0 || o.MaxWait < 0 || o.MaxFloorLead < 0 {
		return o, errors.New("commitwait: a limit in Options is negative")
	}
	if o.MaxFloorLead == 0 && o.MaxUncertainty > 0 {
		o.MaxFloorLead = saturating(2*min(o.MaxUncertainty, math.MaxInt64/2), o.tick())
	}
	if o.MaxFloorLead == 0 {
		o.MaxFloorLead = time.Second
	}
	if o.Layout == (hlc.Layout{}) {
		return o, nil
	}
	first, err := o.Layout.Unpack(0)
	if err != nil {
		return o, err
	}
	if !o.Floor.After(first) {
		o.Floor = hlc.Timestamp{}
	} else if o.Floor, err = o.Layout.Round(o.Floor); err != nil {
		return o, err
	}
	return o, nil
}

// tick is how far apart the layout's wall times are, 0 without one.
func (o Options) tick() time.Duration {
	if o.Layout == (hlc.Layout{}) {
		return 0
	}
	first, err1 := o.Layout.Unpack(0)
	second, err2 := o.Layout.Unpack(uint64(o.Layout.MaxLogical()) + 1)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(second.WallTime - first.WallTime)
}

// saturating adds two durations that are not negative.
func saturating(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
