package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

const perAccount = 1000

// load is clients that transfer money between accounts at random, and auditors that add them up meanwhile.
type load struct {
	bank     *Bank
	accounts []int64
	clients  int
}

// report is what a run has done.
type report struct {
	within, across, audits int64
	took                   time.Duration
}

func (r report) String() string {
	return fmt.Sprintf("%d transfers within a shard and %d across (%.0f a second); %d totals over both shards, all of them right, and the same when they were read again",
		r.within, r.across, float64(r.within+r.across)/r.took.Seconds(), r.audits)
}

// audit is what a snapshot said.
type audit struct {
	ts       hlc.Timestamp
	balances map[int64]int64
}

// fill opens the accounts, in one transaction over all shards.
func (l *load) fill(ctx context.Context) (hlc.Timestamp, error) {
	if err := l.bank.Open(ctx, l.accounts); err != nil {
		return hlc.Timestamp{}, err
	}
	return l.bank.Update(ctx, l.accounts, func(map[int64]int64) (map[int64]int64, error) {
		want := map[int64]int64{}
		for _, account := range l.accounts {
			want[account] = perAccount
		}
		return want, nil
	})
}

// run fills the accounts, has everybody at work for a while, and at the end reads every snapshot again.
func (l *load) run(ctx context.Context, lasts time.Duration) (report, error) {
	opened, err := l.fill(ctx)
	if err != nil {
		return report{}, err
	}
	began := time.Now()
	running, stop := context.WithCancelCause(ctx) // without a deadline, near which every wait would be refused
	defer stop(nil)
	defer time.AfterFunc(lasts, func() { stop(nil) }).Stop()
	var r report
	var work sync.WaitGroup
	for range l.clients {
		work.Go(func() { l.client(running, stop, &r) })
	}
	var audits []audit
	var mu sync.Mutex
	for i, mode := range []commitwait.Mode{commitwait.Strong(), commitwait.ExactStaleness(50 * time.Millisecond), commitwait.MaxStaleness(time.Second)} {
		work.Go(func() {
			for from := i; running.Err() == nil; from++ {
				a, err := l.audit(running, from%len(l.bank.shards), mode.AtLeast(opened))
				if err != nil {
					fail(running, stop, err)
					continue
				}
				mu.Lock()
				audits = append(audits, a)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	r.took, r.audits = time.Since(began), int64(len(audits))
	if err := context.Cause(running); err != context.Canceled {
		return r, err
	}
	return r, l.again(ctx, audits)
}

// fail ends the run, if it is not over.
func fail(running context.Context, stop context.CancelCauseFunc, err error) {
	if running.Err() == nil {
		stop(err)
	}
}

// client transfers until the run is over.
func (l *load) client(running context.Context, stop context.CancelCauseFunc, r *report) {
	for running.Err() == nil {
		i, j := rand.IntN(len(l.accounts)), rand.IntN(len(l.accounts))
		if i == j {
			continue
		}
		from, to := l.accounts[i], l.accounts[j]
		if _, err := l.bank.Transfer(running, from, to, rand.Int64N(10)); err != nil {
			if !isBroke(err) {
				fail(running, stop, err)
			}
			continue
		}
		if l.bank.shardOf(from) == l.bank.shardOf(to) {
			atomic.AddInt64(&r.within, 1)
		} else {
			atomic.AddInt64(&r.across, 1)
		}
	}
}

// audit adds all accounts up at a snapshot, by the clock of one of the shards.
func (l *load) audit(ctx context.Context, from int, mode commitwait.Mode) (audit, error) {
	ts, balances, err := l.bank.ViewFrom(ctx, from, mode, l.accounts...)
	if err != nil {
		return audit{}, err
	}
	total := int64(0)
	for _, balance := range balances {
		total += balance
	}
	if want := perAccount * int64(len(l.accounts)); total != want {
		return audit{}, fmt.Errorf("the total at %v is %d instead of %d", ts, total, want)
	}
	return audit{ts, balances}, nil
}

// again reads every snapshot once more.
func (l *load) again(ctx context.Context, audits []audit) error {
	for a := range slices.Values(audits) {
		_, balances, err := l.bank.View(ctx, commitwait.At(a.ts), l.accounts...)
		if err != nil {
			return err
		}
		if !maps.Equal(a.balances, balances) {
			return fmt.Errorf("the snapshot at %v was %v, and is %v when it is read again", a.ts, a.balances, balances)
		}
	}
	return nil
}
