package shard

import (
	"context"
	"slices"
	"sync"
)

// locks are the shard's locks, one for each account and exclusive. Whoever waits for one is served in the order of arrival.
//
// There is no deadlock: a transaction takes the locks of one shard in the order of the accounts, and its coordinator
// asks the shards in the order of their numbers. Everybody who waits has a deadline all the same, since a shard may
// be down while a transaction holds locks elsewhere.
type locks struct {
	mu   sync.Mutex
	held map[int]*lock
}

type lock struct {
	owner int64
	queue []*waiter
}

type waiter struct {
	tx  int64
	has chan struct{} // closed when the lock is its own
}

func newLocks() *locks { return &locks{held: map[int]*lock{}} }

// acquire takes all the locks, or none: with the context's error if that ends before. Accounts may come in any order.
func (l *locks) acquire(ctx context.Context, tx int64, accounts []int) error {
	accounts = slices.Sorted(slices.Values(accounts))
	for i, account := range accounts {
		if err := l.one(ctx, tx, account); err != nil {
			l.release(tx, accounts[:i])
			return err
		}
	}
	return nil
}

func (l *locks) one(ctx context.Context, tx int64, account int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	k := l.held[account]
	if k == nil {
		l.held[account] = &lock{owner: tx}
		l.mu.Unlock()
		return nil
	}
	w := &waiter{tx, make(chan struct{})}
	k.queue = append(k.queue, w)
	l.mu.Unlock()
	select {
	case <-w.has:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.has: // just now: it is given on
		l.pass(account)
	default:
		k.queue = slices.DeleteFunc(k.queue, func(other *waiter) bool { return other == w })
	}
	return ctx.Err()
}

// release gives up the locks that tx holds on the accounts.
func (l *locks) release(tx int64, accounts []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, account := range accounts {
		if k := l.held[account]; k != nil && k.owner == tx {
			l.pass(account)
		}
	}
}

// pass hands a lock to the next in the queue. The caller holds the mutex.
func (l *locks) pass(account int) {
	k := l.held[account]
	if len(k.queue) == 0 {
		delete(l.held, account)
		return
	}
	next := k.queue[0]
	k.owner, k.queue = next.tx, k.queue[1:]
	close(next.has)
}
