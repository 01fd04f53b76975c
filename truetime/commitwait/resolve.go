package commitwait

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// Resolve says what became of a commit whose outcome was unknown. If it is committed, it
// becomes visible when its timestamp has passed, for which Resolve waits with ctx, with the errors of
// Pending.Wait. It returns a [*StateError] if the outcome of the commit at ts is not unknown, and a [*NotInFlightError] if there is none.
func (c *Committer) Resolve(ctx context.Context, ts hlc.Timestamp, committed bool) error {
	p := c.find(ts)
	if p == nil {
		return &NotInFlightError{TS: ts}
	}
	switch {
	case !committed:
		return p.resolved(Aborted)
	case p.State() == Durable: // resolved before, and its wait was cut short
		return p.Wait(ctx)
	}
	if err := p.resolved(Durable); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// resolved makes an unknown outcome known.
func (p *Pending) resolved(state State) error {
	if was := p.State(); was != Unknown {
		return &StateError{TS: p.ts, State: was}
	}
	if is, ok := p.become(state); !ok {
		return &StateError{TS: p.ts, State: is}
	}
	return nil
}

// find returns the commit in flight at ts, or nil.
func (c *Committer) find(ts hlc.Timestamp) *Pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights.at(ts, false)
}

// at returns what is in flight at ts, or nil: a vote, or a commit of this shard. There may be one of each.
func (f *flights) at(ts hlc.Timestamp, vote bool) *Pending {
	for p := f.first; p != nil; p = p.above {
		if p.ts == ts && p.vote == vote {
			return p
		}
	}
	return nil
}

// Recover takes over a commit that was found in the store's log after a restart, in case the last run ended before its wait: it
// is in flight, and then visible, when Recover returns nil. Call it for the commits of the log's end before
// the shard serves. Errors: [*FloorTooFarError], those of truetime.Clock.Now, [*NotYetVisibleError] when ctx ends; the
// commit is then still in flight.
func (c *Committer) Recover(ctx context.Context, ts hlc.Timestamp) error {
	p, err := c.recovered(ts)
	if err != nil {
		return err
	}
	return p.Wait(ctx)
}

func (c *Committer) recovered(ts hlc.Timestamp) (*Pending, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.flights.at(ts, false); p != nil && p.state == Durable {
		return p, nil // it was cut short before
	}
	return c.readmit(ts, Durable, false)
}

// readmit registers what an earlier run left in flight. The caller holds the mutex.
func (c *Committer) readmit(ts hlc.Timestamp, state State, vote bool) (*Pending, error) {
	now, err := c.ready(context.Background())
	switch {
	case err != nil:
		return nil, err
	case ts.IsZero() || ts.WallTime < 0:
		return nil, fmt.Errorf("commitwait: no commit has the timestamp %v", ts)
	case c.options.Layout != (hlc.Layout{}) && !c.options.Layout.Fits(ts):
		return nil, fmt.Errorf("commitwait: no commit of this shard has the timestamp %v, which its layout %v does not hold", ts, c.options.Layout)
	}
	if err := c.tooFar(now.LatestUnixNano(), ts); err != nil {
		return nil, err
	}
	p := &Pending{c: c, ts: ts, state: state, vote: vote, uncertainty: now.Uncertainty(), began: time.Now()}
	c.flights.add(p)
	if ts.After(c.last) {
		c.last = ts
	}
	return p, nil
}
