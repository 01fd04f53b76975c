package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// bank is accounts in a store, between which money is moved.
type bank struct {
	store             *Store
	accounts, clients int
}

const perAccount = 1000

func account(i int) []byte { return binary.BigEndian.AppendUint32([]byte("account-"), uint32(i)) }

func balance(txn *badger.Txn, i int) (int64, error) {
	item, err := txn.Get(account(i))
	if err != nil {
		return 0, fmt.Errorf("account %d: %w", i, err)
	}
	var n int64
	err = item.Value(func(b []byte) error { n = int64(binary.BigEndian.Uint64(b)); return nil })
	return n, err
}

func setBalance(txn *badger.Txn, i int, n int64) error {
	return txn.Set(account(i), binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// fill opens all accounts in one transaction.
func (b *bank) fill(ctx context.Context) (hlc.Timestamp, error) {
	return b.store.Update(ctx, func(txn *badger.Txn) error {
		for i := range b.accounts {
			if err := setBalance(txn, i, perAccount); err != nil {
				return err
			}
		}
		return nil
	})
}

// transfer moves money between two accounts.
func (b *bank) transfer(ctx context.Context, from, to int, amount int64) (hlc.Timestamp, error) {
	return b.store.Update(ctx, func(txn *badger.Txn) error {
		have, err := balance(txn, from)
		if err != nil {
			return err
		}
		other, err := balance(txn, to)
		if err != nil {
			return err
		}
		return errors.Join(setBalance(txn, from, have-amount), setBalance(txn, to, other+amount))
	})
}

// total adds all accounts up at a snapshot.
func (b *bank) total(ctx context.Context, mode commitwait.Mode) (ts hlc.Timestamp, sum int64, digest uint64, err error) {
	ts, err = b.store.View(ctx, mode, func(txn *badger.Txn) error {
		for i := range b.accounts {
			n, err := balance(txn, i)
			if err != nil {
				return err
			}
			sum += n
			digest = digest*31 + uint64(n)
		}
		return nil
	})
	return ts, sum, digest, err
}

// report is what a run has done.
type report struct {
	commits, reads int64
	took           time.Duration
}

func (r report) String() string {
	return fmt.Sprintf("%d transfers (%.0f a second) and %d totals at snapshots, all of them right, and the same when they were read again",
		r.commits, float64(r.commits)/r.took.Seconds(), r.reads)
}

// run has clients transfer money for a while, and auditors add it up in every mode; at the end every total is
// taken again.
func (b *bank) run(ctx context.Context, lasts time.Duration) (report, error) {
	opened, err := b.fill(ctx)
	if err != nil {
		return report{}, err
	}
	began := time.Now()
	running, stop := context.WithCancel(ctx) // without a deadline, near which every wait would be refused
	defer stop()
	defer time.AfterFunc(lasts, stop).Stop()
	var r report
	var failed atomic.Pointer[error]
	fail := func(err error) {
		if err != nil && running.Err() == nil {
			failed.CompareAndSwap(nil, &err)
			stop()
		}
	}
	var work sync.WaitGroup
	for range b.clients {
		work.Go(func() {
			for running.Err() == nil {
				from, to := rand.IntN(b.accounts), rand.IntN(b.accounts)
				if from == to {
					continue
				}
				if _, err := b.transfer(running, from, to, rand.Int64N(10)); err != nil {
					fail(err)
					continue
				}
				atomic.AddInt64(&r.commits, 1)
			}
		})
	}
	type audit struct {
		ts     hlc.Timestamp
		digest uint64
	}
	var mu sync.Mutex
	var audits []audit
	for _, mode := range []commitwait.Mode{commitwait.Strong(), commitwait.ExactStaleness(50 * time.Millisecond), commitwait.MaxStaleness(time.Second)} {
		work.Go(func() {
			for running.Err() == nil {
				ts, sum, digest, err := b.total(running, mode.AtLeast(opened))
				if err == nil && sum != perAccount*int64(b.accounts) {
					err = fmt.Errorf("the total at %v is %d instead of %d", ts, sum, perAccount*b.accounts)
				}
				if err != nil {
					fail(err)
					continue
				}
				mu.Lock()
				audits = append(audits, audit{ts, digest})
				mu.Unlock()
				fail(b.store.Discard())
			}
		})
	}
	work.Wait()
	if err := failed.Load(); err != nil {
		return r, *err
	}
	r.took, r.reads = time.Since(began), int64(len(audits))
	for _, a := range audits {
		_, _, digest, err := b.total(ctx, commitwait.At(a.ts))
		if err != nil {
			return r, err
		}
		if digest != a.digest {
			return r, fmt.Errorf("the snapshot at %v gave another answer when it was read again", a.ts)
		}
	}
	return r, nil
}
