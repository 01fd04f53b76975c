package driver

import (
	"context"
	"maps"
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
			c.transferAnything(ctx)
		}
	}
}

// audit looks at all accounts: at new timestamps, while it moves money itself, and at old ones.
func (c *client) audit(ctx, running context.Context) {
	for running.Err() == nil {
		look := c.snapshot
		if c.Shards > 1 && c.random.IntN(2) == 0 {
			look = c.around
		}
		if s, ok := look(ctx); ok {
			c.seen = append(c.seen, s)
		}
		if len(c.seen) > 0 && c.random.IntN(3) == 0 {
			recent := c.seen[max(0, len(c.seen)-20):]
			c.again(ctx, recent[c.random.IntN(len(recent))])
		}
	}
}

// transferAnything moves money from one account to one or two others, by way of one of their shards.
func (c *client) transferAnything(ctx context.Context) {
	accounts := c.random.Perm(c.record.Accounts)[:2+c.random.IntN(4)/3]
	amounts := map[int]int64{}
	for _, to := range accounts[1:] {
		amounts[to] = 1 + c.random.Int64N(20)
		amounts[accounts[0]] -= amounts[to]
	}
	c.move(ctx, wire.ShardOf(accounts[c.random.IntN(len(accounts))], c.Shards), amounts)
}

// move has a shard coordinate a transaction, and records what it says.
func (c *client) move(ctx context.Context, coordinator int, amounts map[int]int64) {
	ctx, cancel := context.WithTimeout(ctx, transferWait)
	defer cancel()
	t := check.Transfer{Client: c.number, Tx: c.lastTx.Add(1), Amounts: amounts, Invoked: time.Since(c.began)}
	outcome, err := wire.Call[wire.Transfer, wire.Outcome](ctx, c.cluster.Peer(coordinator), wire.TransferPath, wire.Transfer{Tx: t.Tx, Amounts: amounts})
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

// snapshot has one shard choose a timestamp that sees all that was acknowledged, and reads all shards at it: at once, or some
// before and some after it has passed.
func (c *client) snapshot(ctx context.Context) (check.Snapshot, bool) {
	return c.chosen(ctx, c.random.IntN(c.Shards), func(ctx context.Context, ts hlc.Timestamp) wire.Entries {
		return c.read(ctx, ts, c.all(), time.Duration(c.random.IntN(2))*2*c.Delay)
	})
}

// around is a snapshot of which one shard is read before and the others after money was moved from it, with another one as the coordinator, which knows nothing of the
// snapshot: only the vote tells it.
func (c *client) around(ctx context.Context) (check.Snapshot, bool) {
	order := c.random.Perm(c.Shards)
	first, coordinator := order[0], order[1]
	return c.chosen(ctx, first, func(ctx context.Context, ts hlc.Timestamp) wire.Entries {
		before := c.read(ctx, ts, order[:1], 0)
		account := func(shard int) int { return shard + c.Shards*c.random.IntN(accountsPerShard) }
		c.move(ctx, coordinator, map[int]int64{account(first): -1, account(coordinator): 1})
		after := c.read(ctx, ts, order[1:], 0)
		if before == nil || after == nil {
			return nil
		}
		maps.Copy(after, before)
		return after
	})
}

// chosen has a shard choose the timestamp of a snapshot, reads and records it.
func (c *client) chosen(ctx context.Context, shard int, read func(context.Context, hlc.Timestamp) wire.Entries) (check.Snapshot, bool) {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	s := check.Snapshot{Client: c.number, Invoked: time.Since(c.began)}
	view, err := wire.Call[wire.Snapshot, wire.View](ctx, c.cluster.Peer(shard), wire.SnapshotPath, wire.Snapshot{ChooseOnly: true})
	if err == nil {
		s.TS, s.Entries = view.TS, read(ctx, view.TS)
	}
	s.Returned = time.Since(c.began)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Entries == nil {
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
	s := check.Snapshot{Client: c.number, Invoked: time.Since(c.began), TS: old.TS, Entries: c.read(ctx, old.TS, c.all(), 0)}
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

// all are the numbers of all shards.
func (c *client) all() (numbers []int) {
	for number := range c.Shards {
		numbers = append(numbers, number)
	}
	return numbers
}

// read asks shards, each in a moment of at most later; it returns nil if one of them did not answer.
func (c *client) read(ctx context.Context, ts hlc.Timestamp, shards []int, later time.Duration) wire.Entries {
	views := make([]wire.View, len(shards))
	errs := make([]error, len(shards))
	var asking sync.WaitGroup
	for i, number := range shards {
		moment := time.NewTimer(time.Duration(c.random.Int64N(int64(later) + 1)))
		asking.Go(func() {
			<-moment.C
			views[i], errs[i] = wire.Call[wire.Snapshot, wire.View](ctx, c.cluster.Peer(number), wire.SnapshotPath, wire.Snapshot{At: ts})
		})
	}
	asking.Wait()
	entries := wire.Entries{}
	for i, view := range views {
		if errs[i] != nil || view.TS != ts {
			return nil
		}
		maps.Copy(entries, view.Entries)
	}
	return entries
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
