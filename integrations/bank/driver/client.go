package driver

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// Limits of a client's patience; the last one is for when all shards are up.
const (
	transferWait = 6 * time.Second
	snapshotWait = 4 * time.Second
	calmWait     = time.Minute
)

// client does one thing after the other.
type client struct {
	*run
	number int
	random *rand.Rand
	wait   time.Duration // for a snapshot
	seen   []check.Snapshot
}

// transfer moves money until running ends, and now and then looks at all accounts. What is under way then ends with ctx.
func (c *client) transfer(ctx, running context.Context) {
	for running.Err() == nil {
		if c.random.IntN(5) == 0 {
			c.snapshot(ctx)
		} else {
			c.move(ctx)
		}
	}
}

// audit looks at all accounts, at new timestamps and at old ones.
func (c *client) audit(ctx, running context.Context) {
	for running.Err() == nil {
		if s, ok := c.snapshot(ctx); ok {
			c.seen = append(c.seen, s)
		}
		if len(c.seen) > 0 && c.random.IntN(3) == 0 {
			recent := c.seen[max(0, len(c.seen)-20):]
			c.again(ctx, recent[c.random.IntN(len(recent))])
		}
	}
}

// move transfers money from one account to one or two others, by way of one of their shards.
func (c *client) move(ctx context.Context) {
	accounts := c.random.Perm(c.record.Accounts)[:2+c.random.IntN(4)/3]
	amounts := map[int]int64{}
	for _, to := range accounts[1:] {
		amounts[to] = 1 + c.random.Int64N(20)
		amounts[accounts[0]] -= amounts[to]
	}
	coordinator := wire.ShardOf(accounts[c.random.IntN(len(accounts))], c.Shards)
	t := check.Transfer{Client: c.number, Tx: c.lastTx.Add(1), Amounts: amounts, Invoked: time.Since(c.began)}
	call, cancel := context.WithTimeout(ctx, transferWait)
	defer cancel()
	outcome, err := wire.Call[wire.Transfer, wire.Outcome](call, c.cluster.Peer(coordinator), wire.TransferPath, wire.Transfer{Tx: t.Tx, Amounts: amounts})
	t.Returned = time.Since(c.began)
	switch {
	case err != nil:
		t.State, t.Why = check.Unknown, err.Error()
	case outcome.Committed:
		t.State, t.TS, t.Before, t.Epsilon = check.Committed, outcome.TS, outcome.Before, time.Duration(outcome.Epsilon)
	default:
		t.State, t.Why = check.Aborted, outcome.Why
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record.Transfers = append(c.record.Transfers, t)
}

// snapshot has one shard choose a timestamp that sees all that was acknowledged, and reads all shards at it.
func (c *client) snapshot(ctx context.Context) (s check.Snapshot, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	s = check.Snapshot{Client: c.number, Invoked: time.Since(c.began)}
	chosen, err := wire.Call[wire.Snapshot, wire.View](ctx, c.cluster.Peer(c.random.IntN(c.Shards)), wire.SnapshotPath, wire.Snapshot{ChooseOnly: true})
	if err == nil {
		later := time.Duration(c.random.IntN(2)) * 2 * c.Delay // at once, or some before and some after it has passed
		s.TS, s.Entries, ok = chosen.TS, c.read(ctx, chosen.TS, later), true
	}
	s.Returned = time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !ok || s.Entries == nil {
		c.record.Missed++
		return s, false
	}
	c.record.Snapshots = append(c.record.Snapshots, s)
	return s, true
}

// again reads all accounts at an old timestamp.
func (c *client) again(ctx context.Context, old check.Snapshot) bool {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	s := check.Snapshot{Client: c.number, Invoked: time.Since(c.began), TS: old.TS, Entries: c.read(ctx, old.TS, 0)}
	s.Returned = time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Entries == nil {
		c.record.Missed++
		return false
	}
	c.record.Again = append(c.record.Again, s)
	return true
}

// read asks each shard in a moment of at most later, nil if one of them did not answer.
func (c *client) read(ctx context.Context, ts hlc.Timestamp, later time.Duration) wire.Entries {
	views := make([]wire.View, c.Shards)
	errs := make([]error, c.Shards)
	var asking sync.WaitGroup
	for number := range c.Shards {
		moment := time.NewTimer(time.Duration(c.random.Int64N(int64(later) + 1)))
		asking.Go(func() {
			<-moment.C
			views[number], errs[number] = wire.Call[wire.Snapshot, wire.View](ctx, c.cluster.Peer(number), wire.SnapshotPath, wire.Snapshot{At: ts})
		})
	}
	asking.Wait()
	all := wire.Entries{}
	for number, view := range views {
		if errs[number] != nil || view.TS != ts {
			return nil
		}
		for account, entry := range view.Entries {
			all[account] = entry
		}
	}
	return all
}

// Reasons counts why transactions were not committed.
func Reasons(transfers []check.Transfer) map[string]int {
	counts := map[string]int{}
	for _, t := range transfers {
		if i := slices.Index([]byte(t.Why), ':'); t.State == check.Aborted && i > 0 {
			counts[t.Why[:i]]++
		}
	}
	return counts
}
