package driver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/shard"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// Options say what a run is.
type Options struct {
	Shards, Clients int
	Kills, Pauses   int
	For             time.Duration
	Delay           time.Duration // of a packet of time on a slow path: about 2ε
	Seed            uint64
	Break           shard.Break
	Progress        func(string) // if set, is told now and then how it goes
}

const (
	accountsPerShard = 8
	balance          = 1000
	auditors         = 3
	rereads          = 150 // at the end
)

// run is one that goes on.
type run struct {
	Options
	cluster *Cluster
	began   time.Time
	lastTx  atomic.Int64
	faults  faults

	mu     sync.Mutex // of the record
	record check.Record
}

// Run runs the bank and returns all that was seen. An error says that it could not be run, and not that it was wrong.
func Run(ctx context.Context, o Options) (_ check.Record, _ Faults, err error) {
	cluster, err := StartCluster(ctx, o)
	if err != nil {
		return check.Record{}, Faults{}, err
	}
	defer func() {
		err = errors.Join(err, cluster.Close())
		if words := cluster.Words(); words != "" {
			err = errors.Join(err, fmt.Errorf("the shards said: %s", words))
		}
	}()
	r := &run{Options: o, cluster: cluster, began: time.Now()}
	r.record.Accounts = accountsPerShard * o.Shards
	r.record.Total = int64(balance * r.record.Accounts)
	if err := r.open(ctx); err != nil {
		return check.Record{}, Faults{}, err
	}
	if err := r.work(ctx); err != nil {
		return check.Record{}, Faults{}, err
	}
	if err := r.look(ctx); err != nil {
		return check.Record{}, Faults{}, err
	}
	return r.record, r.faults.Faults, nil
}

// open deposits on all accounts.
func (r *run) open(ctx context.Context) error {
	for number := range r.Shards {
		q := wire.Open{Tx: r.lastTx.Add(1), Balance: balance}
		t := check.Transfer{Client: -1, Tx: q.Tx, Amounts: map[int]int64{}, Invoked: time.Since(r.began)}
		for account := range r.record.Accounts {
			if wire.ShardOf(account, r.Shards) == number {
				q.Accounts = append(q.Accounts, account)
				t.Amounts[account] = balance
			}
		}
		outcome, err := wire.Call[wire.Open, wire.Outcome](ctx, r.cluster.Peer(number), wire.OpenPath, q)
		if err != nil {
			return fmt.Errorf("opening the accounts of shard %d: %w", number, err)
		}
		if !outcome.Committed {
			return fmt.Errorf("opening the accounts of shard %d: %s", number, outcome.Why)
		}
		t.State, t.TS, t.Returned = check.Committed, outcome.TS, time.Since(r.began)
		r.record.Transfers = append(r.record.Transfers, t)
	}
	return nil
}

// work runs clients, auditors and faults until the time is over, and returns when nothing is undecided.
func (r *run) work(ctx context.Context) error {
	running, stop := context.WithTimeout(ctx, r.For)
	defer stop()
	var work sync.WaitGroup
	for i := range r.Clients + auditors {
		work.Go(func() {
			c := &client{run: r, number: i, random: rand.New(rand.NewPCG(r.Seed, uint64(i))), wait: snapshotWait}
			if i < r.Clients {
				c.transfer(ctx, running)
			} else {
				c.audit(ctx, running)
			}
		})
	}
	failed := make(chan error, 1)
	work.Go(func() {
		if err := r.faults.run(ctx, r.cluster, r.plan()); err != nil {
			failed <- err
			stop()
		}
	})
	if r.Progress != nil {
		work.Go(func() { r.tell(running) })
	}
	work.Wait()
	select {
	case err := <-failed:
		return err
	default:
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return r.cluster.Settle(ctx)
}

func (r *run) tell(running context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-running.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		line := fmt.Sprintf("%4.0f s: %d transactions, %d snapshots", time.Since(r.began).Seconds(), len(r.record.Transfers), len(r.record.Snapshots))
		r.mu.Unlock()
		r.Progress(line)
	}
}

// look reads, after the end, snapshots that were taken before, and all that the shards have kept.
func (r *run) look(ctx context.Context) error {
	c := &client{run: r, number: -2, random: rand.New(rand.NewPCG(r.Seed, 0xf14a1)), wait: calmWait}
	step := max(1, len(r.record.Snapshots)/rereads)
	for i := 0; i < len(r.record.Snapshots); i += step {
		if !c.again(ctx, r.record.Snapshots[i]) {
			return errors.New("a snapshot could not be read once more, after the end")
		}
	}
	now, ok := c.snapshot(ctx)
	if !ok {
		return errors.New("no snapshot after the end")
	}
	r.record.Kept = wire.Versions{}
	for number := range r.Shards {
		kept, err := wire.Call[wire.Snapshot, wire.Versions](ctx, r.cluster.Peer(number), wire.HistoryPath, wire.Snapshot{At: now.TS})
		if err != nil {
			return err
		}
		maps.Copy(r.record.Kept, kept)
	}
	return nil
}

// Latencies returns those of the committed transfers, ascending, and the mean uncertainty of their coordinators.
func Latencies(r check.Record) (list []time.Duration, epsilon time.Duration) {
	for _, t := range r.Transfers {
		if t.State == check.Committed && t.Client >= 0 {
			list = append(list, t.Returned-t.Invoked)
			epsilon += t.Epsilon
		}
	}
	slices.Sort(list)
	return list, epsilon / time.Duration(max(1, len(list)))
}
