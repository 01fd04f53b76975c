package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// Bank is accounts on several shards. Account a is on shard a mod their number.
type Bank struct {
	shards []*Shard
}

// NewBank returns the bank of all shards, once what an earlier run left in doubt between them is settled.
func NewBank(ctx context.Context, shards ...*Shard) (*Bank, error) {
	b := &Bank{shards}
	return b, b.settleDoubts(ctx)
}

// Close closes the shards.
func (b *Bank) Close() (err error) {
	for _, s := range b.shards {
		s.stop() // first, since what goes on in the background of one may wait for another
	}
	for _, s := range b.shards {
		err = errors.Join(err, s.Close())
	}
	return err
}

// on returns those of the accounts that are on a shard.
func (b *Bank) on(shard int, accounts []int64) (here []int64) {
	for _, account := range accounts {
		if b.shardOf(account) == shard {
			here = append(here, account)
		}
	}
	return here
}

func (b *Bank) shardOf(account int64) int { return int(uint64(account) % uint64(len(b.shards))) }

var errNoAccounts = errors.New("postgres: a transaction or a snapshot is of one account at least")

// Open has accounts exist. They hold nothing yet.
func (b *Bank) Open(ctx context.Context, accounts []int64) error {
	for i, s := range b.shards {
		if err := s.open(ctx, b.on(i, accounts)); err != nil {
			return err
		}
	}
	return nil
}

// View returns what accounts held at a snapshot of all their shards, and its timestamp. The clock of the shard of the first account says when.
func (b *Bank) View(ctx context.Context, mode commitwait.Mode, accounts ...int64) (hlc.Timestamp, map[int64]int64, error) {
	if len(accounts) == 0 {
		return hlc.Timestamp{}, nil, errNoAccounts
	}
	return b.ViewFrom(ctx, b.shardOf(accounts[0]), mode, accounts...)
}

// ViewFrom is View by the clock of any shard.
func (b *Bank) ViewFrom(ctx context.Context, from int, mode commitwait.Mode, accounts ...int64) (hlc.Timestamp, map[int64]int64, error) {
	ts, all, err := b.shards[from].view(ctx, mode, b.on(from, accounts))
	for i, s := range b.shards {
		here := b.on(i, accounts)
		if err != nil || i == from || len(here) == 0 {
			continue
		}
		var some map[int64]int64
		if _, some, err = s.view(ctx, commitwait.At(ts), here); err == nil {
			for account, balance := range some {
				all[account] = balance
			}
		}
	}
	return ts, all, err
}

// Change says what all the accounts are to hold, given what they do. An error of it does nothing.
type Change func(have map[int64]int64) (want map[int64]int64, err error)

// Update changes accounts in one transaction, over one shard or more, and returns its timestamp when it may be acknowledged. Floors
// are timestamps that it must come after, such as a session's last.
//
// Errors: those of change, of the database and of Committer.Commit, after which nothing was done, but for two: an
// [*commitwait.OutcomeUnknownError], if ctx has ended before it was found out; and a [*commitwait.NotYetVisibleError], if it is committed and
// a shard has not heard of it. Both are seen to in the background, and until then no snapshot is served that it could appear in.
func (b *Bank) Update(ctx context.Context, accounts []int64, change Change, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	if len(accounts) == 0 {
		return hlc.Timestamp{}, errNoAccounts
	}
	var home *transaction
	var others []*transaction
	have := map[int64]int64{}
	for i, s := range b.shards { // always in this order, so that no two wait for each other
		here := sorted(b.on(i, accounts))
		if len(here) == 0 {
			continue
		}
		x, err := s.begin(ctx, here)
		if err != nil {
			return hlc.Timestamp{}, err
		}
		defer x.end()
		if i == b.shardOf(accounts[0]) {
			home = x
		} else {
			others = append(others, x)
		}
		for account, balance := range x.have {
			have[account] = balance
		}
	}
	want, err := change(have)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	for _, account := range accounts {
		if _, ok := want[account]; !ok {
			return hlc.Timestamp{}, fmt.Errorf("postgres: what account %d is to hold was not said", account)
		}
	}
	return commit(ctx, home, others, want, floors)
}

// Transfer moves money between two accounts.
func (b *Bank) Transfer(ctx context.Context, from, to, amount int64, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
	return b.Update(ctx, []int64{from, to}, func(have map[int64]int64) (map[int64]int64, error) {
		return map[int64]int64{from: have[from] - amount, to: have[to] + amount}, nil
	}, floors...)
}
