package commitwait

import (
	"context"
	"errors"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// Mode says how fresh a snapshot must be. Make one with [Strong], [ExactStaleness], [MaxStaleness] or
// [At]; the zero Mode is Strong.
type Mode struct {
	kind  kind
	stale time.Duration
	at    hlc.Timestamp
	least hlc.Timestamp
}

type kind int

const (
	strong kind = iota
	exact
	bounded
	given
)

// Strong sees every transaction that was acknowledged before, anywhere. It may wait, up to
// about 2ε, for commits that are in flight.
func Strong() Mode { return Mode{} }

// ExactStaleness reads the past: at a moment that is certainly d ago or longer. It hardly ever waits.
func ExactStaleness(d time.Duration) Mode { return Mode{kind: exact, stale: d} }

// MaxStaleness reads as freshly as it can without waiting, and not more than d ago.
func MaxStaleness(d time.Duration) Mode { return Mode{kind: bounded, stale: d} }

// At reads at a timestamp: that of a snapshot taken on another shard, for a view of both.
func At(ts hlc.Timestamp) Mode { return Mode{kind: given, at: ts} }

// AtLeast has the snapshot see a session's last commit, or all that its last snapshot saw.
func (m Mode) AtLeast(ts hlc.Timestamp) Mode {
	if ts.After(m.least) {
		m.least = ts
	}
	return m
}

// Snapshot returns a timestamp at which the shard can be read: every read at it gives
// the same answer, now and for ever, and no commit at or below it will follow. It waits, with ctx, for commits in flight.
//
// Errors: those of truetime.Clock.Now; [*FloorTooFarError] for an At or AtLeast too far ahead of true time;
// [*truetime.WaitError]; [ErrClosed].
//
// HAZARD: it binds the commits of this Committer only. A second writer of the shard that does not use it breaks
// the promise, as does a restart that does not begin above: see Options.Cover and Floor.
func (c *Committer) Snapshot(ctx context.Context, m Mode) (hlc.Timestamp, error) {
	if m.stale < 0 {
		return hlc.Timestamp{}, errors.New("commitwait: the staleness of a snapshot is negative")
	}
	ts, err := c.closeTo(m)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	if err := c.cover(ctx, ts); err != nil {
		return hlc.Timestamp{}, err
	}
	return ts, c.landed(ctx, ts, false)
}

// choose picks the timestamp from the interval and the safe time.
func (m Mode) choose(now truetime.Interval, safe hlc.Timestamp) (ts hlc.Timestamp) {
	switch m.kind {
	case strong:
		ts = hlc.Timestamp{WallTime: now.LatestUnixNano()}
	case exact:
		ts = ago(now.EarliestUnixNano(), m.stale)
	case bounded:
		if ts = ago(now.LatestUnixNano(), m.stale); safe.After(ts) {
			ts = safe
		}
	case given:
		ts = m.at
	}
	if m.least.After(ts) {
		return m.least
	}
	return ts
}

// fit returns what the store reads at ts: rounded up to what its layout holds, so that nothing is missed, but for an exact
// staleness, which must not become fresher. Before the first timestamp of the layout there is nothing to see, as there is at it.
func (m Mode) fit(ts hlc.Timestamp, layout hlc.Layout) (hlc.Timestamp, error) {
	if ts.WallTime < 0 {
		ts = hlc.Timestamp{}
	}
	if layout == (hlc.Layout{}) {
		return ts, nil
	}
	first, err := layout.Unpack(0)
	if err != nil || !ts.After(first) {
		return first, err
	}
	rounded, err := layout.Round(ts)
	if err == nil && m.kind == exact && rounded != ts {
		if older := before(rounded, layout); !older.Before(m.least) {
			return older, nil
		}
	}
	return rounded, err
}

func ago(unixNano int64, d time.Duration) hlc.Timestamp {
	return hlc.Timestamp{WallTime: max(0, unixNano-int64(d))} // d ≥ 0, and times before 1970 are 1970
}
