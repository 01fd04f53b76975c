package commitwait

import (
	"context"

	"github.com/trueclock/trueclock/hlc"
)

// Visibility says whether a reader at an uncertain moment may see a value.
type Visibility int

// What Classify returns.
const (
	Seen      Visibility = iota // it was committed before the read began, or may count as if
	Uncertain                   // it may have been acknowledged before the read began: Restart above it
	Future                      // it was certainly committed after the read began
)

func (v Visibility) String() string { return [...]string{"seen", "uncertain", "future"}[v] }

// UncertainRead is a read of a store that shows commits at once, before their commit wait is over
// (and still acknowledges them after it). The reader pays for the uncertainty instead of the writer: it
// must restart above whatever may have been acknowledged before it began.
type UncertainRead struct {
	At    hlc.Timestamp // what is read
	Limit hlc.Timestamp // what was acknowledged before the read began is at or below it
}

// UncertainRead begins a read: at the earliest possible time, with the latest as the limit. It waits, with ctx, for what this shard
// has voted for at or below the limit: another shard may have acknowledged it, and nothing of it is in this store yet.
// Errors: those of truetime.Clock.Now; [*truetime.WaitError]; [ErrClosed].
func (c *Committer) UncertainRead(ctx context.Context) (UncertainRead, error) {
	now, err := c.clock.Now()
	if err != nil {
		return UncertainRead{}, err
	}
	const highest = 1<<32 - 1
	r := UncertainRead{
		At:    hlc.Timestamp{WallTime: now.EarliestUnixNano()},
		Limit: hlc.Timestamp{WallTime: now.LatestUnixNano(), Logical: highest},
	}
	return r, c.landed(ctx, r.Limit, true)
}

// Classify says what to do with the newest version of a value that is at or below Limit.
func (r UncertainRead) Classify(version hlc.Timestamp) Visibility {
	switch {
	case !version.After(r.At):
		return Seen
	case !version.After(r.Limit):
		return Uncertain
	}
	return Future
}

// Restart returns the read that sees an uncertain version. The limit stays: it was fixed when the read
// began, so that there are only so many restarts.
//
// HAZARD: a reader that used a version above the earliest possible time must wait until it has passed
// (truetime.Clock.WaitUntilAfter) before it returns, or the next reader may miss it.
func (r UncertainRead) Restart(version hlc.Timestamp) UncertainRead {
	if version.After(r.At) {
		r.At = version
	}
	return r
}
