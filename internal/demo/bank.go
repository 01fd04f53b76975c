package demo

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

const (
	perNode = 2   // accounts on each node
	opening = 100 // what is on each of them at first
)

// bank has accounts on several nodes, each of which has its own data, its own clock and the locks of its own accounts.
type bank struct {
	*observer
	rule     rule // of those who read
	nodes    []*node
	accounts []*account
	values   atomic.Int64 // written so far, to tell versions with the same balance apart
}

type account struct {
	name string
	node *node
	rank int // accounts are locked in this order
	lock chan struct{}
}

// A value is the balance, below 1000, and in front of it the number of the version: 12099 is the 12th, and 99.
func (b *bank) value(balance int64) int64 { return b.values.Add(1)*1000 + balance }

func balance(value int64) int64 { return value % 1000 }

// open fills the accounts.
func (b *bank) open() {
	first := hlc.Timestamp{WallTime: 1}
	op := history.Op{TS: first, Writes: map[string]int64{}}
	for _, n := range b.nodes {
		for range perNode {
			a := &account{name: fmt.Sprintf("account %d of %s", len(b.accounts)%perNode+1, n.name), node: n, rank: len(b.accounts), lock: make(chan struct{}, 1)}
			b.accounts = append(b.accounts, a)
			op.Writes[a.name] = b.value(opening)
			n.data.write(first, a.name, op.Writes[a.name])
		}
	}
	b.ops = append(b.ops, op)
}

// transfer moves 1 from an account to one on another node, which coordinates: the payer's node votes, the coordinator commits above
// that vote, and the payer's node carries the decision out. between is called when one half is there and the other is not.
func (b *bank) transfer(ctx context.Context, client int, from, to *account, between func()) error {
	order := []*account{from, to}
	if to.rank < from.rank {
		order = []*account{to, from}
	}
	for _, a := range order {
		select {
		case a.lock <- struct{}{}:
			defer func() { <-a.lock }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return b.take(client, func(op *history.Op) error {
		op.Writes = map[string]int64{
			from.name: b.value(balance(from.node.data.newest(from.name)) - 1),
			to.name:   b.value(balance(to.node.data.newest(to.name)) + 1),
		}
		apply := func(a *account) func(context.Context, hlc.Timestamp) error {
			return func(_ context.Context, ts hlc.Timestamp) error {
				a.node.data.write(ts, a.name, op.Writes[a.name])
				return nil
			}
		}
		vote, err := from.node.committer.Prepare(ctx)
		if err != nil {
			return err
		}
		if op.TS, err = to.node.committer.Commit(ctx, apply(to), vote.TS()); err != nil {
			_ = vote.Abort()
			return err
		}
		between()
		return vote.Commit(ctx, op.TS, apply(from))
	})
}

// audit has a client read all accounts at one timestamp, of the clock of n.
func (b *bank) audit(ctx context.Context, client int, n *node) error {
	return b.take(client, func(op *history.Op) (err error) {
		op.TS, err = n.snapshot(ctx, b.rule, b.nodes...)
		op.Reads = b.at(op.TS)
		return err
	})
}

// at is what is on the accounts at a timestamp, as far as it is there yet.
func (b *bank) at(ts hlc.Timestamp) map[string]int64 {
	values := map[string]int64{}
	for _, a := range b.accounts {
		values[a.name] = a.node.data.read(ts, a.name)
	}
	return values
}

func total(values map[string]int64) (sum int64) {
	for _, value := range values {
		sum += balance(value)
	}
	return sum
}
